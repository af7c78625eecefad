-- Grain: one local calendar day in one brand's time zone.
-- Inputs: brands' time zones, a calendar.
-- Questionable: minutes to add to local time to reach UTC, empty on days on which the clocks change: there, and only there, each
-- instant is converted by itself, which is slow.
SELECT
  timezone,
  CAST(day AS DATE) AS day,
  CASE WHEN to_utc_at_start = to_utc_at_end THEN to_utc_at_start END AS minutes_to_utc
FROM (
  SELECT
    z.timezone,
    d.day,
    TIMESTAMPDIFF(MINUTE, CAST(d.day AS TIMESTAMP_NTZ), TO_UTC_TIMESTAMP(CAST(d.day AS TIMESTAMP_NTZ), z.timezone)) AS to_utc_at_start,
    TIMESTAMPDIFF(
      MINUTE, CAST(d.day + INTERVAL 1 DAY AS TIMESTAMP_NTZ), TO_UTC_TIMESTAMP(CAST(d.day + INTERVAL 1 DAY AS TIMESTAMP_NTZ), z.timezone)
    ) AS to_utc_at_end
  FROM (SELECT DISTINCT timezone FROM mapping.brands) AS z
  CROSS JOIN (SELECT EXPLODE(SEQUENCE(DATE'1995-01-01', DATE'2035-12-31', INTERVAL 1 DAY)) AS day) AS d
) AS days

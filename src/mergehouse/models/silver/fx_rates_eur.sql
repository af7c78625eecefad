-- Grain: one currency on one calendar day.
-- Inputs: the ECB's published reference rates (units of currency for one euro, business days only).
-- Questionable: a day without a rate takes the last one published before it, for at most seven days; after that there is
-- no rate and lines go to quarantine. rate_eur is the reciprocal to eight decimals, so that amounts are multiplied.
WITH spans AS (
  SELECT
    currency, published_date, units_per_eur,
    CAST(CAST(units_per_eur AS DECIMAL(28, 8)) * CAST(100000000 AS DECIMAL(9, 0)) AS BIGINT)                             AS scaled_units,
    LEAD(published_date) OVER (PARTITION BY currency ORDER BY published_date) AS next_date
  FROM mapping.ecb_rates
),
ends AS (
  SELECT
    currency, published_date, units_per_eur,
    -- 1 / units_per_eur in whole 1e-8, rounded half up: integers, since engines divide decimals differently
    CAST(
      CAST((20000000000000000 + scaled_units) DIV (2 * scaled_units) AS DECIMAL(18, 0)) * CAST(0.00000001 AS DECIMAL(9, 8))
      AS DECIMAL(18, 8)
    ) AS rate_eur,
    LEAST(
      COALESCE(CAST(next_date - INTERVAL 1 DAY AS DATE), CAST(published_date + INTERVAL 7 DAY AS DATE)),
      CAST(published_date + INTERVAL 7 DAY AS DATE)
    ) AS last_day
  FROM spans
)
SELECT currency, CAST(day AS DATE) AS rate_date, rate_eur, units_per_eur, published_date
FROM (SELECT *, EXPLODE(SEQUENCE(published_date, last_day, INTERVAL 1 DAY)) AS day FROM ends) AS days

-- Grain: one record of a registered customer, from when it holds until the next one does.
-- Inputs: the customer satellite.
-- Questionable: of several records of one moment the one loaded last holds; neighbours that say the same are one. A record that
-- came late takes its place among those loaded before it.
SELECT
  customer_hk, source_system, source_customer_id, load_ts, record_source, source_row, effective_from,
  LEAD(effective_from) OVER (PARTITION BY customer_hk ORDER BY effective_from)         AS effective_to,
  LEAD(effective_from) OVER (PARTITION BY customer_hk ORDER BY effective_from) IS NULL AS is_current,
  is_deleted, country, age_range, gender, signup_date
FROM (
  SELECT *, LAG(hashdiff) OVER (PARTITION BY customer_hk ORDER BY effective_from) AS said_before
  FROM (
    SELECT *, ROW_NUMBER() OVER (PARTITION BY customer_hk, effective_from ORDER BY load_ts DESC, source_row DESC) AS place
    FROM silver.customer_satellite
  ) AS placed
  WHERE place = 1
) AS compared
WHERE said_before IS NULL OR said_before <> hashdiff

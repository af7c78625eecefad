-- Grain: one registered customer.
-- Inputs: the customer satellite.
-- Questionable: what is current is the record that holds last, whenever it was loaded; of several of one moment the one loaded last.
SELECT
  source_system, source_customer_id AS customer_code, country, age_range, gender, signup_date, load_ts AS ingest_ts, source_row
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY customer_hk ORDER BY effective_from DESC, load_ts DESC, source_row DESC) AS place
  FROM silver.customer_satellite
) AS placed
WHERE place = 1 AND NOT is_deleted

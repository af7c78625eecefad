-- Grain: one registered customer.
-- Inputs: the history of registered customers.
-- Questionable: what is current is the record that holds last, whenever it was loaded.
SELECT
  source_system, source_customer_id AS customer_code, country, age_range, gender, signup_date, load_ts AS ingest_ts, source_row
FROM staging.customer_history
WHERE is_current AND NOT is_deleted

-- Grain: one day on which somebody ordered something.
-- Inputs: valid order lines.
-- Questionable: a reference hub: a day is the same for all brands, and has no satellite; what is known of days is in gold.dim_date.
SELECT
  HASH_OF(CAST(order_date AS STRING)) AS date_hk,
  order_date                          AS calendar_date,
  MIN(ingest_ts)                      AS load_ts,
  SUBSTR(MIN(CONCAT(CAST(UNIX_MICROS(ingest_ts) AS STRING), batch_id)), 17) AS record_source -- of two at one moment one, on any engine
FROM silver.order_lines
WHERE reason_code IS NULL
GROUP BY order_date

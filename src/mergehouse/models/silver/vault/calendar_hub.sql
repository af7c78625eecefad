-- Grain: one day on which somebody ordered something.
-- Inputs: valid order lines.
-- Questionable: a reference hub: a day is the same for all brands, and has no satellite; what is known of days is in gold.dim_date.
SELECT
  HASH_OF(CAST(order_date AS STRING)) AS date_hk,
  order_date                          AS calendar_date,
  MIN(ingest_ts)                      AS load_ts,
  MIN_BY(batch_id, STRUCT(ingest_ts, batch_id)) AS record_source
FROM silver.order_lines
WHERE reason_code IS NULL
GROUP BY order_date

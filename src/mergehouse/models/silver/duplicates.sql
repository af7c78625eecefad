-- Grain: one delivered order line that says again what another line already says.
-- Inputs: all valid order lines.
-- Questionable: lines are candidates where a 64-bit hash agrees, and duplicates only where the full content does. The first
-- delivery of a line is kept; where the brand numbers its lines, the last one is, so that corrections count.
SELECT
  source_system,
  batch_id,
  source_row,
  kept_batch_id,
  kept_source_row,
  order_id,
  order_date,
  amount_original,
  CASE
    WHEN amount_original IS DISTINCT FROM kept_amount OR product_code IS DISTINCT FROM kept_product THEN 'superseded'
    WHEN batch_id = kept_batch_id THEN 'within_delivery'
    ELSE 'across_deliveries'
  END AS kind
FROM (
  SELECT
    l.source_system, l.batch_id, l.source_row, l.order_id, l.order_date, l.amount_original, l.product_code,
    FIRST_VALUE(l.batch_id) OVER same_fact        AS kept_batch_id,
    FIRST_VALUE(l.source_row) OVER same_fact      AS kept_source_row,
    FIRST_VALUE(l.amount_original) OVER same_fact AS kept_amount,
    FIRST_VALUE(l.product_code) OVER same_fact    AS kept_product,
    ROW_NUMBER() OVER same_fact                   AS place
  FROM staging.order_lines_checked AS l
  JOIN (
    SELECT fact_hash FROM staging.order_lines_checked WHERE reason_code IS NULL GROUP BY fact_hash HAVING COUNT(*) > 1
  ) AS candidates ON candidates.fact_hash = l.fact_hash
  WHERE l.reason_code IS NULL
  WINDOW same_fact AS (
    PARTITION BY
      l.source_system, l.order_id, l.line_id,
      CASE WHEN l.line_id IS NULL THEN STRUCT(
        l.order_ts, l.product_code, UPPER(l.product_name) AS product_name, l.quantity, l.unit_price, l.amount,
        l.customer_code, l.country, l.channel, l.currency
      ) END
    ORDER BY
      CASE WHEN l.line_id IS NULL THEN l.ingest_ts END,
      CASE WHEN l.line_id IS NOT NULL THEN l.ingest_ts END DESC,
      l.batch_id, l.source_row
  )
) AS ranked
WHERE place > 1

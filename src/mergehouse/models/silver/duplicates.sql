-- Grain: one delivered order line that says again what another line already says.
-- Inputs: all valid order lines.
-- Questionable: what makes a line the same fact. Where the brand numbers its lines, the number decides and the last delivery
-- is kept, so that corrections count. Where it does not, everything the line says does, so two lines of one order with the
-- same product stay two, and the first delivery is kept. A 64-bit hash of a part only finds candidates.
WITH hashed AS (
  SELECT
    *,
    XXHASH64(STRUCT(
      source_system, order_id, line_id, CASE WHEN line_id IS NULL THEN STRUCT(product_code, quantity, order_ts) END
    )) AS fact_hash
  FROM silver.order_lines
  WHERE reason_code IS NULL
)
SELECT
  source_system,
  batch_id,
  source_row,
  kept_batch_id,
  kept_source_row,
  order_id,
  order_date,
  amount_original,
  currency,
  CASE
    WHEN amount_original IS DISTINCT FROM kept_amount OR product_code IS DISTINCT FROM kept_product THEN 'superseded'
    WHEN batch_id = kept_batch_id THEN 'within_delivery'
    ELSE 'across_deliveries'
  END AS kind
FROM (
  SELECT
    l.source_system, l.batch_id, l.source_row, l.order_id, l.order_date, l.amount_original, l.currency, l.product_code,
    FIRST_VALUE(l.batch_id) OVER same_fact        AS kept_batch_id,
    FIRST_VALUE(l.source_row) OVER same_fact      AS kept_source_row,
    FIRST_VALUE(l.amount_original) OVER same_fact AS kept_amount,
    FIRST_VALUE(l.product_code) OVER same_fact    AS kept_product,
    ROW_NUMBER() OVER same_fact                   AS place
  FROM hashed AS l
  JOIN (SELECT fact_hash FROM hashed GROUP BY fact_hash HAVING COUNT(*) > 1) AS candidates ON candidates.fact_hash = l.fact_hash
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

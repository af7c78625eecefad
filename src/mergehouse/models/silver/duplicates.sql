-- Grain: one delivered order line that says again what another line already says.
-- Inputs: all valid order lines.
-- Questionable: what makes a line the same fact. Where the brand numbers its lines, the number decides and the last delivery
-- is kept, so that corrections count. Where it does not, everything the line says does, so two lines of one order with the
-- same product stay two, and the first delivery is kept. Of the row that is kept all lines are, of a replaced row none. A
-- 64-bit hash of a part only finds candidates.
WITH hashed AS (
  SELECT
    *,
    XXHASH64(STRUCT(
      source_system, order_id, line_id, CASE WHEN line_id IS NULL THEN STRUCT(product_code, quantity, order_ts) END
    )) AS fact_hash
  FROM silver.order_lines
  WHERE reason_code IS NULL
),
candidates AS (
  SELECT
    l.*,
    CASE WHEN l.line_id IS NULL THEN STRUCT(
      l.order_ts, l.product_code, UPPER(l.product_name) AS product_name, l.quantity, l.unit_price, l.amount,
      l.customer_code, l.country, l.channel, l.currency
    ) END                                              AS fact,
    CASE WHEN l.line_id IS NULL THEN l.ingest_ts END     AS first_in,
    CASE WHEN l.line_id IS NOT NULL THEN l.ingest_ts END AS last_in
  FROM hashed AS l
  JOIN (SELECT fact_hash FROM hashed GROUP BY fact_hash HAVING COUNT(*) > 1) AS repeated ON repeated.fact_hash = l.fact_hash
)
SELECT
  source_system,
  batch_id,
  source_row,
  line_part,
  kept_batch_id,
  kept_source_row,
  order_id,
  order_date,
  amount_original,
  currency,
  CASE
    WHEN line_id IS NOT NULL AND (
      part_batch_id <> kept_batch_id OR part_source_row <> kept_source_row -- the row that is kept has no such line
      OR amount_original IS DISTINCT FROM kept_amount OR product_code IS DISTINCT FROM kept_product
    ) THEN 'superseded'
    WHEN batch_id = kept_batch_id THEN 'within_delivery'
    ELSE 'across_deliveries'
  END AS kind
FROM (
  SELECT
    source_system, batch_id, source_row, line_part, order_id, order_date, amount_original, currency, product_code,
    FIRST_VALUE(batch_id) OVER same_fact        AS kept_batch_id,
    FIRST_VALUE(source_row) OVER same_fact      AS kept_source_row,
    FIRST_VALUE(amount_original) OVER same_part AS kept_amount,
    FIRST_VALUE(product_code) OVER same_part    AS kept_product,
    FIRST_VALUE(batch_id) OVER same_part        AS part_batch_id,
    FIRST_VALUE(source_row) OVER same_part      AS part_source_row,
    line_id
  FROM candidates
  WINDOW
    same_fact AS (PARTITION BY source_system, order_id, line_id, fact ORDER BY first_in, last_in DESC, batch_id, source_row),
    same_part AS (PARTITION BY source_system, order_id, line_id, fact, line_part ORDER BY first_in, last_in DESC, batch_id, source_row)
) AS ranked
WHERE batch_id <> kept_batch_id OR source_row <> kept_source_row

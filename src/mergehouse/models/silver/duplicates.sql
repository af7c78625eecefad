-- Grain: one delivered order line in the place of which another one counts, or none.
-- Inputs: usable order lines and those that a rule leaves out, what the brands say of their deliveries.
-- Questionable: what makes a line the same fact. Where the brand numbers its lines, the number decides, so that corrections
-- count. Where it does not, everything the line says does, so two lines of one order with the same product stay two. Of the
-- same fact the last version counts, which may be one that is left out. A 64-bit hash of a part only finds candidates.
WITH order_deliveries AS (
  SELECT l.source_system, l.order_id, MAX_BY(l.batch_id, STRUCT(COALESCE(l.version, ''), l.ingest_ts)) AS batch_id
  FROM silver.order_lines AS l
  JOIN mapping.order_rules AS r ON r.source_system = l.source_system AND r.replaces = 'order'
  WHERE l.reason_code IS NULL OR l.reason_code = 'left_out'
  GROUP BY l.source_system, l.order_id
),
usable AS (
  SELECT
    l.*,
    COALESCE(o.batch_id, d.batch_id, l.batch_id)                               AS counting_batch_id,
    COALESCE(COALESCE(o.batch_id, d.batch_id) <> l.batch_id, FALSE)            AS is_replaced,
    XXHASH64(STRUCT(
      l.source_system, l.order_id, l.line_id,
      CASE WHEN l.line_id IS NULL THEN STRUCT(l.product_code, l.quantity, l.order_ts) END
    ))                                                                         AS fact_hash
  FROM silver.order_lines AS l
  LEFT JOIN order_deliveries AS o ON o.source_system = l.source_system AND o.order_id = l.order_id
  LEFT JOIN silver.day_deliveries AS d ON d.source_system = l.source_system AND d.order_date = l.order_date
  WHERE l.reason_code IS NULL OR l.reason_code = 'left_out'
),
candidates AS (
  SELECT
    u.*,
    r.repeats,
    CASE WHEN u.line_id IS NULL THEN STRUCT(
      u.order_ts, u.product_code, UPPER(u.product_name) AS product_name, u.quantity, u.unit_price, u.amount,
      u.customer_code, u.country, u.channel, u.currency, u.is_cancellation
    ) END AS said
  FROM usable AS u
  JOIN mapping.order_rules AS r ON r.source_system = u.source_system
  LEFT JOIN (SELECT fact_hash FROM usable GROUP BY fact_hash HAVING COUNT(*) > 1) AS repeated ON repeated.fact_hash = u.fact_hash
  WHERE repeated.fact_hash IS NOT NULL OR u.is_replaced
),
numbered AS (
  SELECT
    *,
    CASE WHEN repeats = 'genuine' AND line_id IS NULL THEN ROW_NUMBER() OVER (
      PARTITION BY source_system, order_id, line_id, said, batch_id ORDER BY source_row
    ) END AS occurrence
  FROM candidates
),
ranked AS (
  SELECT
    *,
    FIRST_VALUE(batch_id) OVER versions        AS kept_batch_id,
    FIRST_VALUE(source_row) OVER versions      AS kept_source_row,
    FIRST_VALUE(amount_original) OVER versions AS kept_amount,
    FIRST_VALUE(product_code) OVER versions    AS kept_product,
    FIRST_VALUE(order_date) OVER versions      AS kept_date,
    FIRST_VALUE(customer_code) OVER versions   AS kept_customer,
    FIRST_VALUE(reason_code) OVER versions     AS kept_reason,
    ROW_NUMBER() OVER versions                 AS place,
    ROW_NUMBER() OVER (
      PARTITION BY source_system, order_id, line_id, said, occurrence, batch_id ORDER BY version DESC, source_row DESC
    )                                          AS place_in_delivery
  FROM numbered
  WINDOW versions AS (
    PARTITION BY source_system, order_id, line_id, said, occurrence
    ORDER BY is_replaced, version DESC, ingest_ts DESC, batch_id, source_row DESC
  )
)
SELECT
  source_system,
  batch_id,
  source_row,
  CASE WHEN place > 1 THEN kept_batch_id ELSE counting_batch_id END AS kept_batch_id,
  CASE WHEN place > 1 THEN kept_source_row END                      AS kept_source_row,
  order_id,
  order_date,
  amount_original,
  CASE
    WHEN place = 1 OR kept_reason IS NOT NULL THEN 'superseded'
    WHEN amount_original IS DISTINCT FROM kept_amount OR product_code IS DISTINCT FROM kept_product THEN 'superseded'
    WHEN place_in_delivery > 1 THEN 'within_delivery'
    ELSE 'across_deliveries'
  END AS kind,
  COALESCE(place > 1 AND (kept_date <> order_date OR kept_customer <> customer_code), FALSE) AS is_of_other_order
FROM ranked
WHERE (place > 1 OR is_replaced) AND reason_code IS NULL

-- Grain: one order line that is valid, whether or not it counts.
-- Inputs: checked order lines, what the brands say of their deliveries.
-- Questionable: what a line is known by: its number in the order, where it has one, else all that it says, and of lines of one
-- delivery that say the same and are genuine, which of them it is. It is of one customer, product and day: a correction that
-- changes one of these is another line of the vault.
WITH lines AS (
  SELECT
    l.*,
    r.repeats = 'genuine' AND l.line_id IS NULL AS may_be_alike,
    CASE WHEN l.line_id IS NULL THEN HASH_OF(
      CAST(UNIX_MICROS(l.order_ts) AS STRING), UPPER(l.product_name), CAST(l.quantity AS STRING), CAST(l.unit_price AS STRING),
      CAST(l.amount AS STRING), l.country, l.channel, l.currency, CAST(l.is_cancellation AS STRING)
    ) END AS said
  FROM silver.order_lines AS l
  JOIN mapping.order_rules AS r ON r.source_system = l.source_system
  WHERE l.reason_code IS NULL OR l.reason_code = 'left_out' -- lines that a rule leaves out are counted along
),
alike AS (
  SELECT XXHASH64(STRUCT(batch_id, order_id, product_code, quantity, order_ts)) AS fact_hash
  FROM lines
  WHERE may_be_alike
  GROUP BY XXHASH64(STRUCT(batch_id, order_id, product_code, quantity, order_ts))
  HAVING COUNT(*) > 1
),
occurrences AS (
  SELECT
    l.batch_id, l.source_row, l.line_part,
    ROW_NUMBER() OVER (
      PARTITION BY l.source_system, l.order_id, l.batch_id, l.line_part, l.product_code, l.customer_code, l.said ORDER BY l.source_row
    ) AS occurrence
  FROM lines AS l
  LEFT SEMI JOIN alike AS a ON a.fact_hash = XXHASH64(STRUCT(l.batch_id, l.order_id, l.product_code, l.quantity, l.order_ts))
  WHERE l.may_be_alike
)
SELECT
  HASH_OF(
    l.source_system, l.order_id, l.line_id, l.said, CAST(l.line_part AS STRING), CAST(COALESCE(o.occurrence, 1) AS STRING),
    l.customer_code, l.product_code, CAST(l.order_date AS STRING)
  )                                                                                                     AS sales_hk,
  CASE
    WHEN l.customer_code IS NULL THEN '00000000000000000000000000000000' ELSE HASH_OF(l.source_system, l.customer_code)
  END                                                                                                   AS customer_hk,
  HASH_OF(l.source_system, l.product_code)                                                              AS product_hk,
  HASH_OF(CAST(l.order_date AS STRING))                                                                 AS date_hk,
  HASH_OF(
    l.customer_code, l.product_code, CAST(UNIX_MICROS(l.order_ts) AS STRING), l.line_class, l.country, l.channel,
    CAST(l.is_cancellation AS STRING), CAST(l.quantity AS STRING), CAST(l.unit_price AS STRING), CAST(l.list_price AS STRING),
    CAST(l.amount_original AS STRING), CAST(l.tax_original AS STRING), CAST(l.cost_original AS STRING), l.unit_of_measure, l.currency
  )                                                                                                     AS hashdiff,
  COALESCE(o.occurrence, 1)                                                                             AS occurrence,
  l.*
FROM lines AS l
LEFT JOIN occurrences AS o ON o.batch_id = l.batch_id AND o.source_row = l.source_row AND o.line_part = l.line_part
WHERE l.reason_code IS NULL

-- Grain: one order line that is valid, whether or not it counts.
-- Inputs: checked order lines, duplicates, genuine repeats.
-- Questionable: what a line is known by: its number in the order, where it has one, else all that it says, and of lines of one
-- delivery that say the same and are genuine, which of them it is. It is of one customer, product and day: a correction that
-- changes one of these is another line of the vault.
WITH lines AS (
  SELECT
    l.*,
    COALESCE(g.occurrence, 1) AS occurrence,
    d.batch_id IS NOT NULL OR k.kept_batch_id IS NOT NULL AS may_be_said_again, -- what gave way, and what it gave way to
    CASE WHEN l.line_id IS NULL THEN HASH_OF(
      CAST(UNIX_MICROS(l.order_ts) AS STRING), UPPER(l.product_name), CAST(l.quantity AS STRING), CAST(l.unit_price AS STRING),
      CAST(l.amount AS STRING), l.country, l.channel, l.currency, CAST(l.is_cancellation AS STRING)
    ) END AS said
  FROM silver.order_lines AS l
  LEFT JOIN silver.duplicates AS d ON d.batch_id = l.batch_id AND d.source_row = l.source_row AND d.line_part = l.line_part
  LEFT JOIN (SELECT DISTINCT kept_batch_id, kept_source_row FROM silver.duplicates) AS k
    ON k.kept_batch_id = l.batch_id AND k.kept_source_row = l.source_row
  LEFT JOIN staging.genuine_repeats AS g
    ON g.batch_id = l.batch_id AND g.source_row = l.source_row AND g.line_part = l.line_part
  WHERE l.reason_code IS NULL
)
SELECT
  HASH_OF(
    source_system, order_id, line_id, CAST(said AS STRING), CAST(line_part AS STRING), CAST(occurrence AS STRING),
    customer_code, product_code, CAST(order_date AS STRING)
  )                                            AS sales_hk,
  CASE
    WHEN customer_code IS NULL THEN '00000000000000000000000000000000' ELSE HASH_OF(source_system, customer_code)
  END                                          AS customer_hk,
  HASH_OF(source_system, product_code)         AS product_hk,
  HASH_OF(CAST(order_date AS STRING))          AS date_hk,
  HASH_OF(
    CAST(UNIX_MICROS(order_ts) AS STRING), line_class, country, channel, CAST(is_cancellation AS STRING),
    CAST(quantity AS STRING), CAST(unit_price AS STRING), CAST(list_price AS STRING), CAST(amount_original AS STRING),
    CAST(tax_original AS STRING), CAST(cost_original AS STRING), unit_of_measure, currency
  )                                            AS hashdiff,
  *
FROM lines

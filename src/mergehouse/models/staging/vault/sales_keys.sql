-- Grain: one order line that is valid, whether or not it counts.
-- Inputs: valid order lines, genuine repeats.
-- Questionable: what a line is known by: its number in the order, where it has one, else all that it says, and of lines of one
-- delivery that say the same and are genuine, which of them it is. It is of one customer, product and day: a correction that
-- changes one of these is another line of the vault.
SELECT
  CASE
    WHEN line_id IS NOT NULL THEN HASH_OF(
      source_system, order_id, line_id, CAST(line_part AS STRING), CAST(occurrence AS STRING), customer_code, product_code,
      CAST(order_date AS STRING)
    )
    ELSE HASH_OF(
      source_system, order_id, CAST(line_part AS STRING), CAST(occurrence AS STRING), customer_code, product_code,
      CAST(order_date AS STRING), CAST(UNIX_MICROS(order_ts) AS STRING), FOLDED(product_name), CAST(quantity AS STRING),
      CAST(unit_price AS STRING), CAST(amount AS STRING), country, channel, currency, CAST(is_cancellation AS STRING)
    )
  END                                          AS sales_hk,
  CASE
    WHEN customer_code IS NULL THEN '00000000000000000000000000000000' ELSE HASH_OF(source_system, customer_code)
  END                                          AS customer_hk,
  HASH_OF(source_system, product_code)         AS product_hk,
  HASH_OF(CAST(order_date AS STRING))          AS date_hk,
  *
FROM (
  SELECT l.*, COALESCE(g.occurrence, 1) AS occurrence
  FROM staging.sales_lines AS l
  LEFT JOIN staging.genuine_repeats AS g
    ON g.batch_id = l.batch_id AND g.source_row = l.source_row AND g.line_part = l.line_part
) AS numbered

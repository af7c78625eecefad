-- Grain: one order line without a number of its own that may say what another one of its delivery says.
-- Inputs: order lines of brands whose repeated lines are genuine.
-- Questionable: lines that a rule leaves out are counted along, as a later delivery may say the same line with another status. A
-- 64-bit hash of a part only finds candidates, in a pass of its own: rows that are hashed and read again would be kept whole.
SELECT
  c.batch_id, c.source_row, c.line_part,
  ROW_NUMBER() OVER (
    PARTITION BY
      c.source_system, c.order_id, c.batch_id, c.line_part, c.order_ts, c.product_code, FOLDED(c.product_name), c.quantity, c.unit_price,
      c.amount, c.customer_code, c.country, c.channel, c.currency, c.is_cancellation
    ORDER BY c.source_row
  ) AS occurrence
FROM silver.order_lines AS c
JOIN mapping.order_rules AS r ON r.source_system = c.source_system AND r.repeats = 'genuine'
LEFT SEMI JOIN (
  SELECT XXHASH64(STRUCT(l.batch_id, l.order_id, l.product_code, l.quantity, l.order_ts)) AS fact_hash
  FROM silver.order_lines AS l
  JOIN mapping.order_rules AS r ON r.source_system = l.source_system AND r.repeats = 'genuine'
  WHERE l.line_id IS NULL AND (l.reason_code IS NULL OR l.reason_code = 'left_out')
  GROUP BY 1 HAVING COUNT(*) > 1
) AS a ON a.fact_hash = XXHASH64(STRUCT(c.batch_id, c.order_id, c.product_code, c.quantity, c.order_ts))
WHERE c.line_id IS NULL AND (c.reason_code IS NULL OR c.reason_code = 'left_out')

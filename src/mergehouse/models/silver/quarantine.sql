-- Grain: one delivered order line that cannot be used.
-- Inputs: checked order lines, their Bronze rows.
-- Questionable: the whole Bronze row is kept as JSON beside its reason, so that it can be mended and delivered again.
SELECT
  l.source_system, l.batch_id, l.source_row, l.line_part, l.reason_code, l.order_id, l.order_date, l.product_code, l.amount_original,
  l.currency, r.raw_row
FROM silver.order_lines AS l
LEFT JOIN staging.raw_rows AS r ON r.batch_id = l.batch_id AND r.source_row = l.source_row
WHERE l.reason_code IS NOT NULL

-- Grain: one delivered order line that cannot be used.
-- Inputs: checked order lines, those that a later version replaced, Bronze rows.
-- Questionable: the whole Bronze row is kept as JSON beside its reason, so that it can be mended and delivered again: with
-- its number, or where the brand's deliveries replace orders, days or periods, it is no longer here then.
SELECT
  l.source_system, l.batch_id, l.source_row, l.line_part,
  CASE WHEN r.raw_row = '{}' THEN 'empty_row' ELSE l.reason_code END AS reason_code,
  l.order_id, l.order_date, l.product_code, l.amount_original,
  l.currency, r.raw_row
FROM silver.order_lines AS l
LEFT JOIN staging.raw_rows AS r ON r.batch_id = l.batch_id AND r.source_row = l.source_row
LEFT ANTI JOIN silver.duplicates AS d ON d.batch_id = l.batch_id AND d.source_row = l.source_row AND d.line_part = l.line_part
WHERE l.reason_code IS NOT NULL

-- Grain: one delivered order line that cannot be used.
-- Inputs: checked order lines.
-- Questionable: the whole Bronze row is kept as JSON beside its reason, so that it can be mended and delivered again.
SELECT
  source_system, batch_id, source_row, reason_code, order_id, order_date, product_code, amount_original, currency, raw_row
FROM staging.order_lines_checked
WHERE reason_code IS NOT NULL

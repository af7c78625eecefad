-- Grain: one order line that is valid and repeats no other.
-- Inputs: checked order lines, duplicates, products.
-- Questionable: what a line is: non-merchandise by its product code, else an adjustment where no money changes hands as in
-- a sale (zero amount or negative price), else a return where goods come back or the document is a cancellation, else a sale.
SELECT
  l.*,
  p.product_id, p.department, p.category, p.line_class, p.unit_cost, p.cost_rate, p.margin_method,
  CAST(CAST(l.amount_original AS DECIMAL(19, 4)) * l.fx_rate AS DECIMAL(18, 2)) AS amount_eur,
  CASE
    WHEN p.line_class IS NOT NULL THEN 'non_merchandise'
    WHEN l.amount_original = 0 OR l.quantity = 0 OR l.unit_price < 0 THEN 'adjustment'
    WHEN l.amount_original < 0 OR l.is_cancellation THEN 'return'
    ELSE 'sale'
  END AS line_type
FROM staging.order_lines_checked AS l
JOIN silver.products_clean AS p ON p.source_system = l.source_system AND p.product_code = l.product_code
LEFT ANTI JOIN silver.duplicates AS d ON d.batch_id = l.batch_id AND d.source_row = l.source_row
WHERE l.reason_code IS NULL

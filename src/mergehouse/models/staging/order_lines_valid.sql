-- Grain: one order line that is valid and repeats no other.
-- Inputs: checked order lines, duplicates, products, countries, customers that known pairs unite.
-- Questionable: what a line is: non-merchandise by its product code, else an adjustment where no money changes hands as in
-- a sale (zero amount or negative price), else a return where goods come back or the document is a cancellation, else a sale.
SELECT
  l.*,
  COALESCE(x.customer_id, CONCAT(l.source_system, ':', l.customer_code)) AS customer_id,
  COALESCE(n.country_code, 'ZZ')                                         AS country_code,
  COALESCE(n.region, 'Rest of world')                                    AS region,
  p.product_id, p.department, p.category, p.line_class, p.unit_cost, p.cost_rate, p.margin_method,
  CASE
    WHEN ABS(l.near_eur) < 1000000000 AND ABS(l.near_eur * 100 - ROUND(l.near_eur * 100)) < 0.49 THEN CAST(l.near_eur AS DECIMAL(18, 2))
    ELSE CAST(l.amount_original * l.fx_rate AS DECIMAL(18, 2))
  END AS amount_eur,
  CASE
    WHEN p.line_class IS NOT NULL THEN 'non_merchandise'
    WHEN l.amount_original = 0 OR l.quantity = 0 OR l.unit_price < 0 THEN 'adjustment'
    WHEN l.amount_original < 0 OR l.is_cancellation THEN 'return'
    ELSE 'sale'
  END AS line_type
FROM (
  -- a float tells the cent, unless it is near a half: a hundred times faster than rounding a wide decimal
  SELECT *, CAST(amount_original AS DOUBLE) * CAST(fx_rate AS DOUBLE) AS near_eur FROM silver.order_lines WHERE reason_code IS NULL
) AS l
JOIN silver.products_clean AS p ON p.source_system = l.source_system AND p.product_code = l.product_code
LEFT JOIN staging.country_names AS n ON n.spelling = l.country
LEFT JOIN (
  SELECT source_system, source_customer_id, customer_id FROM silver.customer_xref WHERE method <> 'own'
) AS x ON x.source_system = l.source_system AND x.source_customer_id = l.customer_code
LEFT ANTI JOIN silver.duplicates AS d ON d.batch_id = l.batch_id AND d.source_row = l.source_row

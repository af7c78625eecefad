-- Grain: month x brand x department x category x product.
-- Inputs: clean order lines of merchandise.
-- Questionable: adjustments are left out; they carry no money.
SELECT
  order_month                                                                AS month_start,
  source_system,
  department,
  category,
  product_id,
  SUM(gmv_eur)                                                               AS gmv_eur,
  SUM(returns_eur)                                                           AS returns_eur,
  SUM(gmv_eur - returns_eur)                                                 AS net_revenue_eur,
  SUM(units)                                                                 AS units,
  COUNT_IF(line_type = 'sale')                                               AS sale_lines,
  SUM(margin_eur)                                                            AS margin_eur,
  CASE WHEN MIN(margin_method) = MAX(margin_method) THEN MIN(margin_method) ELSE 'mixed' END AS margin_method
FROM silver.sales_clean
WHERE line_type IN ('sale', 'return')
GROUP BY order_month, source_system, department, category, product_id

-- Days of each brand, country and category.
-- by brand
SELECT
  source_system, order_date, country_code, region, department, category, SUM(gmv_eur) AS gmv_eur, SUM(returns_eur) AS returns_eur,
  SUM(gmv_eur - returns_eur) AS net_revenue_eur, SUM(margin_eur) AS margin_eur, SUM(units) AS units,
  CASE WHEN COUNT(DISTINCT margin_method) = 1 THEN MIN(margin_method) ELSE 'mixed' END AS margin_method
FROM silver.sales_clean WHERE line_type IN ('sale', 'return')
GROUP BY ALL ORDER BY source_system, order_date, country_code, department, category

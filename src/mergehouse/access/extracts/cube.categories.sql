-- Months of each brand and category. Of a scope that is cut by country nothing: products are not told by country.
SELECT
  source_system, month_start, department, category, SUM(gmv_eur) AS gmv_eur, SUM(returns_eur) AS returns_eur,
  SUM(net_revenue_eur) AS net_revenue_eur, SUM(margin_eur) AS margin_eur, SUM(units) AS units,
  SUM(sale_lines) AS sale_lines, COUNT(*) AS products,
  CASE WHEN COUNT(DISTINCT margin_method) = 1 THEN MIN(margin_method) ELSE 'mixed' END AS margin_method
FROM gold.category_perf GROUP BY ALL ORDER BY source_system, month_start, department, category

-- Products of each brand and quarter, best sellers first.
SELECT
  p.source_system, CAST(date_trunc('quarter', c.month_start) AS DATE) AS quarter_start, p.department, p.category,
  p.product_code, p.product_name, SUM(c.gmv_eur) AS gmv_eur, SUM(c.returns_eur) AS returns_eur,
  SUM(c.net_revenue_eur) AS net_revenue_eur, SUM(c.margin_eur) AS margin_eur, SUM(c.units) AS units
FROM gold.category_perf AS c JOIN gold.dim_product AS p USING (source_system, product_id)
GROUP BY ALL ORDER BY source_system, quarter_start, net_revenue_eur DESC, product_code

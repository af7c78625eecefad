SELECT
  order_month AS month_start, source_system, department, category, product_id, SUM(gmv_eur) AS gmv_eur, SUM(returns_eur) AS returns_eur,
  SUM(gmv_eur - returns_eur) AS net_revenue_eur, SUM(units) AS units, SUM(margin_eur) AS margin_eur, COUNT(*) FILTER (line_type = 'sale') AS sale_lines
FROM {{ ref('fct_order_lines') }} WHERE line_type IN ('sale', 'return') GROUP BY ALL

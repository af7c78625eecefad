-- What each category sold in a period.
-- choose by: department = department; category = category
SELECT
  {by} AS part, MIN(department) AS department, SUM(gmv_eur) AS gmv, SUM(returns_eur) AS returns,
  SUM(net_revenue_eur) AS net_revenue, SUM(margin_eur) AS margin, SUM(units) AS units,
  CASE WHEN COUNT(DISTINCT margin_method) = 1 THEN MIN(margin_method) ELSE 'mixed' END AS margin_method
FROM cube.categories
WHERE
  ($brand IS NULL OR source_system = $brand) AND ($region IS NULL OR region = $region)
  AND ($country IS NULL OR country_code = $country) AND ($since IS NULL OR order_date >= $since)
  AND ($until IS NULL OR order_date <= $until)
GROUP BY 1 ORDER BY net_revenue DESC, part

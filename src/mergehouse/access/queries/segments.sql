-- Customers who have bought, money and expected value by one thing, of a brand, of all together (`group`), or NULL: of each brand, added up.
-- A part without a name: groups of fewer than five customers, told together.
-- choose by: all = 'all'; segment = segment; region = region; brand = source_system
SELECT
  {by} AS part, CAST(SUM(customers) AS BIGINT) AS customers, CAST(SUM(churned) AS BIGINT) AS churned,
  CAST(SUM(orders) AS BIGINT) AS orders, SUM(net_revenue_eur) AS net_revenue, SUM(margin_eur) AS margin, SUM(gmv_eur) AS gmv,
  SUM(returns_eur) AS returns, SUM(clv_12m_eur) AS clv_12m
FROM cube.segments
WHERE
  (source_system = $brand OR $brand IS NULL AND source_system <> 'group') AND ($region IS NULL OR region = $region)
  AND ($country IS NULL OR country_code = $country) AND ($segment IS NULL OR segment = $segment)
GROUP BY 1 ORDER BY net_revenue DESC, part

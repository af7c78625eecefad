-- Customers, money and expected value by one thing, of a brand or of all together (`group`).
-- choose by: segment = segment; region = region; risk = risk_band; tier = clv_tier; risk_and_tier = risk_band || '/' || clv_tier
SELECT
  {by} AS part, SUM(customers) AS customers, SUM(churned) AS churned, SUM(orders) AS orders,
  SUM(net_revenue_eur) AS net_revenue, SUM(margin_eur) AS margin, SUM(gmv_eur) AS gmv, SUM(returns_eur) AS returns,
  SUM(clv_12m_eur) AS clv_12m
FROM cube.segments
WHERE source_system = $brand AND ($region IS NULL OR region = $region) AND ($segment IS NULL OR segment = $segment)
GROUP BY 1 ORDER BY net_revenue DESC, part

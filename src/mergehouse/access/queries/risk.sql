-- Customers with scores by band of risk, tier of value, or both, as in `segments`. The two are there where all of a part have
-- the same.
-- choose by: risk = risk_band; tier = clv_tier; risk_and_tier = risk_band || '/' || clv_tier
SELECT
  {by} AS part, CASE WHEN MIN(risk_band) = MAX(risk_band) THEN MIN(risk_band) END AS risk_band,
  CASE WHEN MIN(clv_tier) = MAX(clv_tier) THEN MIN(clv_tier) END AS clv_tier,
  CAST(SUM(customers) AS BIGINT) AS customers, CAST(SUM(churned) AS BIGINT) AS churned, CAST(SUM(orders) AS BIGINT) AS orders,
  SUM(net_revenue_eur) AS net_revenue, SUM(margin_eur) AS margin, SUM(gmv_eur) AS gmv, SUM(returns_eur) AS returns,
  SUM(clv_12m_eur) AS clv_12m
FROM cube.risk
WHERE
  (source_system = $brand OR $brand IS NULL AND source_system <> 'group') AND ($region IS NULL OR region = $region)
  AND ($country IS NULL OR country_code = $country)
GROUP BY 1 ORDER BY net_revenue DESC, part

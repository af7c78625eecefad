-- Customers with scores by band of risk and tier of value; bands and tiers as in `segments`.
SELECT
  risk_band, clv_tier, CAST(SUM(customers) AS BIGINT) AS customers, SUM(net_revenue_eur) AS net_revenue,
  SUM(clv_12m_eur) AS clv_12m
FROM cube.segments
WHERE
  (source_system = $brand OR $brand IS NULL AND source_system <> 'group') AND ($region IS NULL OR region = $region)
  AND ($country IS NULL OR country_code = $country) AND ($segment IS NULL OR segment = $segment)
  AND (risk_band IS NULL OR risk_band <> 'none') AND (clv_tier IS NULL OR clv_tier <> 'none')
GROUP BY ALL ORDER BY ALL

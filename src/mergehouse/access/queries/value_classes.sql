-- Customers with scores by tiers and classes of what they are expected to bring within a year, each by its lower end.
SELECT
  clv_tier, from_eur, CAST(SUM(customers) AS BIGINT) AS customers, SUM(net_revenue_eur) AS net_revenue,
  SUM(clv_12m_eur) AS clv_12m
FROM cube.value
WHERE
  (source_system = $brand OR $brand IS NULL AND source_system <> 'group') AND ($region IS NULL OR region = $region)
  AND ($country IS NULL OR country_code = $country)
GROUP BY ALL ORDER BY ALL

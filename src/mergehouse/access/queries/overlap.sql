-- Customers of more than one brand, by the brands in the order of their first purchases. Without brands: told together.
SELECT
  brands, CAST(SUM(customers) AS BIGINT) AS customers, SUM(net_revenue_eur) AS net_revenue, SUM(clv_12m_eur) AS clv_12m
FROM cube.overlap WHERE $country IS NULL OR country_code = $country GROUP BY ALL ORDER BY customers DESC, brands

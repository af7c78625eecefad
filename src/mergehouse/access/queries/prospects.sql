-- How many are known and have not bought; what they returned of purchases that were not delivered is below zero.
SELECT CAST(SUM(customers) AS BIGINT) AS customers, SUM(net_revenue_eur) AS net_revenue
FROM cube.prospects
WHERE
  (source_system = $brand OR $brand IS NULL AND source_system <> 'group') AND ($region IS NULL OR region = $region)
  AND ($country IS NULL OR country_code = $country)

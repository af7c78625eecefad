-- Customers of more than one brand by one thing: the brands in the order of their first purchases, where spend moved, segment,
-- country. A part without a name: groups of fewer than five customers, told together.
-- choose by: brands = brands; movement = movement; segment = segment; country = country_code
SELECT
  {by} AS part, CAST(SUM(customers) AS BIGINT) AS customers, SUM(net_revenue_eur) AS net_revenue,
  SUM(first_brand_eur) AS first_brand, SUM(clv_12m_eur) AS clv_12m, SUM(moved_eur) AS moved
FROM cube.overlap WHERE ($region IS NULL OR region = $region) AND ($country IS NULL OR country_code = $country)
GROUP BY ALL ORDER BY customers DESC, part

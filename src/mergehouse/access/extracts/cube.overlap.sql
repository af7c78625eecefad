-- only: group
-- Customers of more than one brand: which brands, in the order of their first purchases, what they are worth there, and whether
-- spend moved. Data of a version that did not tell this have the customers alone.
-- joined below five: source_system; brands; movement; segment; region; country_code
SELECT
  'group' AS source_system, CASE WHEN s.customer_id IS NULL THEN 'unknown' ELSE COALESCE(s.brands, 'no purchase') END AS brands,
  COALESCE(s.moved_from || ' > ' || s.moved_to, s.movement, 'unknown') AS movement, c.segment, c.region, c.country_code,
  COUNT(*) AS customers, SUM(c.monetary_eur) AS net_revenue_eur, COALESCE(SUM(s.first_brand_eur), 0) AS first_brand_eur,
  COALESCE(SUM(c.clv_12m_eur), 0) AS clv_12m_eur, COALESCE(SUM(s.moved_eur), 0) AS moved_eur
FROM gold.customer_360 AS c LEFT JOIN gold.cross_brand_customers AS s USING (customer_id)
WHERE c.is_cross_brand GROUP BY ALL ORDER BY ALL

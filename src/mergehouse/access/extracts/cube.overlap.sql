-- only: group
-- Customers of more than one brand: which brands, in the order of their first purchases, and what they are worth there.
-- joined below five: brands; segment; country_code
WITH shared AS (
  SELECT c.customer_id, c.segment, c.country_code, c.monetary_eur, c.clv_12m_eur
  FROM gold.customer_360 AS c WHERE c.is_cross_brand
),
brands AS (
  SELECT customer_id, STRING_AGG(source_system, ', ' ORDER BY first_order_date, source_system) AS brands
  FROM gold.customer_brand_360 WHERE frequency > 0 GROUP BY customer_id
)
SELECT
  COALESCE(b.brands, 'no purchase') AS brands, s.segment, s.country_code, COUNT(*) AS customers,
  SUM(s.monetary_eur) AS net_revenue_eur, COALESCE(SUM(s.clv_12m_eur), 0) AS clv_12m_eur
FROM shared AS s LEFT JOIN brands AS b USING (customer_id) GROUP BY ALL ORDER BY ALL

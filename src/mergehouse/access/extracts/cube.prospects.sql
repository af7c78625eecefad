-- Customers who are known and have not bought; those of all brands together under `group`.
-- by brand
-- joined below five: source_system; region; country_code
WITH customers AS (
  SELECT source_system, region, country_code, monetary_eur FROM gold.customer_brand_360 WHERE frequency = 0
  UNION ALL
  SELECT 'group', region, country_code, monetary_eur FROM gold.customer_360 WHERE frequency = 0
)
SELECT source_system, region, country_code, COUNT(*) AS customers, SUM(monetary_eur) AS net_revenue_eur
FROM customers GROUP BY ALL ORDER BY ALL

-- Customers with scores by what they are expected to bring within a year, as tiers and as classes of euros, each by its
-- lower end.
-- by brand
-- joined below five: source_system; clv_tier; from_eur in order; region; country_code
WITH customers AS (
  SELECT source_system, region, country_code, clv_tier, monetary_eur, clv_12m_eur
  FROM gold.customer_brand_360 WHERE clv_12m_eur IS NOT NULL
  UNION ALL
  SELECT 'group', region, country_code, clv_tier, monetary_eur, clv_12m_eur
  FROM gold.customer_360 WHERE clv_12m_eur IS NOT NULL
)
SELECT
  source_system, region, country_code, clv_tier, value_class(clv_12m_eur) AS from_eur, COUNT(*) AS customers,
  SUM(monetary_eur) AS net_revenue_eur, SUM(clv_12m_eur) AS clv_12m_eur
FROM customers GROUP BY ALL ORDER BY ALL

-- Customers who have bought, by how long ago that was and the chance that they do not come back. Days are rounded up to
-- fives: more than 90 days ago is all above 90. A chance of -1: without scores. `churned`: those by each brand's own limit.
-- by brand
-- joined below five: source_system; days in order; churn_probability in order; region; country_code
WITH customers AS (
  SELECT source_system, region, country_code, recency_days, churn_probability_90d, monetary_eur, clv_12m_eur, is_churned
  FROM gold.customer_brand_360 WHERE frequency > 0
  UNION ALL
  SELECT 'group', region, country_code, recency_days, churn_probability_90d, monetary_eur, clv_12m_eur, is_churned
  FROM gold.customer_360 WHERE frequency > 0
)
SELECT
  source_system, region, country_code, LEAST(CAST(CEIL(recency_days / 5) AS INT) * 5, 185) AS days,
  COALESCE(CAST(FLOOR(churn_probability_90d * 20) / 20 AS DECIMAL(3, 2)), -1) AS churn_probability,
  COUNT(*) AS customers, SUM(monetary_eur) AS net_revenue_eur, COALESCE(SUM(clv_12m_eur), 0) AS clv_12m_eur,
  COUNT_IF(is_churned) AS churned, SUM(CASE WHEN is_churned THEN monetary_eur ELSE 0 END) AS churned_net_revenue_eur,
  SUM(CASE WHEN is_churned THEN COALESCE(clv_12m_eur, 0) ELSE 0 END) AS churned_clv_12m_eur
FROM customers GROUP BY ALL ORDER BY ALL

-- Customers who have bought, by how long ago that was and the chance that they do not come back. Days are rounded up to
-- fives: more than 90 days ago is all above 90.
WITH customers AS (
  SELECT source_system, region, segment, recency_days, churn_probability_90d, monetary_eur, clv_12m_eur
  FROM gold.customer_brand_360 WHERE frequency > 0
  UNION ALL
  SELECT 'group', region, segment, recency_days, churn_probability_90d, monetary_eur, clv_12m_eur
  FROM gold.customer_360 WHERE frequency > 0
)
SELECT
  source_system, region, segment, LEAST(CAST(CEIL(recency_days / 5) AS INT) * 5, 400) AS days,
  CAST(FLOOR(churn_probability_90d * 20) / 20 AS DECIMAL(3, 2)) AS churn_probability,
  COUNT(*) AS customers, SUM(monetary_eur) AS net_revenue_eur, COALESCE(SUM(clv_12m_eur), 0) AS clv_12m_eur
FROM customers GROUP BY ALL ORDER BY ALL

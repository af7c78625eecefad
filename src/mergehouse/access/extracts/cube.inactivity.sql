-- Customers who have bought, by whether they are silent (2), at risk (1) or neither (0) as it is, how long ago they bought and the
-- chance that they do not come back. Days are rounded up to fives: more than 90 days ago is all above 90. Without a score there
-- is no chance.
-- by brand
-- joined below five: source_system; state in order; days in order; churn_probability in order; region; country_code
-- not without persons: unscored
WITH customers AS (
  SELECT source_system, region, country_code, recency_days, churn_probability_90d, risk_band, monetary_eur, clv_12m_eur, is_churned
  FROM gold.customer_brand_360 WHERE frequency > 0
  UNION ALL
  SELECT 'group', region, country_code, recency_days, churn_probability_90d, risk_band, monetary_eur, clv_12m_eur, is_churned
  FROM gold.customer_360 WHERE frequency > 0
)
SELECT
  source_system, region, country_code, CASE WHEN is_churned THEN 2 WHEN risk_band = 'high' THEN 1 ELSE 0 END AS state,
  LEAST(CAST(CEIL(recency_days / 5) AS INT) * 5, 185) AS days,
  COALESCE(CAST(FLOOR(churn_probability_90d * 20) / 20 AS DECIMAL(3, 2)), 0) AS churn_probability,
  COUNT(*) AS customers, SUM(monetary_eur) AS net_revenue_eur, COALESCE(SUM(clv_12m_eur), 0) AS clv_12m_eur,
  COUNT_IF(churn_probability_90d IS NULL) AS unscored
FROM customers GROUP BY ALL ORDER BY ALL

-- Customers who have bought, by segment and scores as they are, recency (days, rounded up to fives, to tens above 180) and classes of
-- orders: what other cut-points of segments are counted from.
-- by brand
-- joined below five: source_system; segment; r_score in order; f_score in order; days in order; from_orders in order; region; country_code
WITH customers AS (
  SELECT source_system, region, country_code, segment, r_score, f_score, recency_days, frequency, monetary_eur, clv_12m_eur
  FROM gold.customer_brand_360 WHERE frequency > 0
  UNION ALL
  SELECT 'group', region, country_code, segment, r_score, f_score, recency_days, frequency, monetary_eur, clv_12m_eur
  FROM gold.customer_360 WHERE frequency > 0
)
SELECT
  source_system, region, country_code, segment, r_score, f_score, recency_class(recency_days) AS days, orders_class(frequency) AS from_orders,
  COUNT(*) AS customers, SUM(monetary_eur) AS net_revenue_eur, COALESCE(SUM(clv_12m_eur), 0) AS clv_12m_eur
FROM customers GROUP BY ALL ORDER BY ALL

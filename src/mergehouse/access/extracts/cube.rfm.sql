-- Customers who have bought, by classes of recency (days, rounded up to tens), orders and net revenue: what other
-- cut-points and campaigns are counted from.
SELECT
  source_system, region, segment, COALESCE(risk_band, 'none') AS risk_band, days_class(recency_days) AS days,
  orders_class(frequency) AS from_orders, money_class(monetary_eur) AS from_eur,
  COUNT(*) AS customers, SUM(monetary_eur) AS net_revenue_eur, SUM(margin_eur) AS margin_eur, SUM(frequency) AS orders,
  COALESCE(SUM(clv_12m_eur), 0) AS clv_12m_eur
FROM gold.customer_brand_360 WHERE frequency > 0 GROUP BY ALL ORDER BY ALL

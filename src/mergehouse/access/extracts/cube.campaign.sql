-- Customers who have bought, by what a campaign chooses them by: classes of days since the last purchase, of orders and of
-- net revenue, each by its lower end, band of risk and segment.
-- by brand
-- joined below five: source_system; days in order; from_orders in order; from_eur in order; risk_band; segment; region; country_code
WITH customers AS (
  SELECT
    source_system, region, country_code, segment, risk_band, recency_days, frequency, monetary_eur, margin_eur, clv_12m_eur
  FROM gold.customer_brand_360 WHERE frequency > 0
  UNION ALL
  SELECT 'group', region, country_code, segment, risk_band, recency_days, frequency, monetary_eur, margin_eur, clv_12m_eur
  FROM gold.customer_360 WHERE frequency > 0
)
SELECT
  source_system, region, country_code, segment, COALESCE(risk_band, 'none') AS risk_band, silent_class(recency_days) AS days,
  orders_class(frequency) AS from_orders, spent_class(monetary_eur) AS from_eur, COUNT(*) AS customers,
  SUM(monetary_eur) AS net_revenue_eur, SUM(margin_eur) AS margin_eur, CAST(SUM(frequency) AS BIGINT) AS orders,
  COALESCE(SUM(clv_12m_eur), 0) AS clv_12m_eur
FROM customers GROUP BY ALL ORDER BY ALL

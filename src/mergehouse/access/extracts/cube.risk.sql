-- Customers with scores by band of risk and tier of value; those of all brands together under `group`.
-- by brand
-- joined below five: source_system; risk_band; clv_tier; region; country_code
-- not without persons: churned
WITH customers AS (
  SELECT
    source_system, region, country_code, risk_band, clv_tier, is_churned, frequency, monetary_eur, gmv_eur, returns_eur,
    margin_eur, clv_12m_eur
  FROM gold.customer_brand_360 WHERE risk_band IS NOT NULL AND clv_tier IS NOT NULL
  UNION ALL
  SELECT
    'group', region, country_code, risk_band, clv_tier, is_churned, frequency, monetary_eur, gmv_eur, returns_eur,
    margin_eur, clv_12m_eur
  FROM gold.customer_360 WHERE risk_band IS NOT NULL AND clv_tier IS NOT NULL
)
SELECT
  source_system, region, country_code, risk_band, clv_tier, COUNT(*) AS customers, COUNT_IF(is_churned) AS churned,
  CAST(SUM(frequency) AS BIGINT) AS orders, SUM(monetary_eur) AS net_revenue_eur, SUM(gmv_eur) AS gmv_eur,
  SUM(returns_eur) AS returns_eur, SUM(margin_eur) AS margin_eur, COALESCE(SUM(clv_12m_eur), 0) AS clv_12m_eur
FROM customers GROUP BY ALL ORDER BY ALL

-- Of the customers of each segment who have bought, those who have churned; of all brands together under `group`.
-- by brand
-- joined below five: source_system; segment; region; country_code
-- counted in two parts: churned
WITH customers AS (
  SELECT source_system, region, country_code, segment, is_churned FROM gold.customer_brand_360 WHERE frequency > 0
  UNION ALL
  SELECT 'group', region, country_code, segment, is_churned FROM gold.customer_360 WHERE frequency > 0
)
SELECT source_system, region, country_code, segment, COUNT(*) AS customers, COUNT_IF(is_churned) AS churned
FROM customers GROUP BY ALL ORDER BY ALL

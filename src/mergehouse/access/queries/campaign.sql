-- Whom a campaign would choose, added up.
SELECT
  CAST(COALESCE(SUM(customers), 0) AS BIGINT) AS customers, COALESCE(SUM(net_revenue_eur), 0) AS net_revenue,
  COALESCE(SUM(margin_eur), 0) AS margin, CAST(COALESCE(SUM(orders), 0) AS BIGINT) AS orders,
  COALESCE(SUM(clv_12m_eur), 0) AS clv_12m
FROM cube.campaign
WHERE
  (source_system = $brand OR $brand IS NULL AND source_system <> 'group') AND ($region IS NULL OR region = $region)
  AND ($country IS NULL OR country_code = $country) AND ($segment IS NULL OR segment = $segment)
  AND ($risk IS NULL OR risk_band = $risk) AND days >= $days_from AND ($days_below IS NULL OR days < $days_below)
  AND from_orders >= $orders_from AND from_eur >= $eur_from

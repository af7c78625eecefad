-- Customers who have bought, by segment and scores as they are, days since (in classes, each by its
-- upper end) and classes of orders.
SELECT
  segment, r_score, f_score, days, from_orders, CAST(SUM(customers) AS BIGINT) AS customers, SUM(net_revenue_eur) AS net_revenue,
  SUM(clv_12m_eur) AS clv_12m
FROM cube.rfm
WHERE
  (source_system = $brand OR $brand IS NULL AND source_system <> 'group') AND ($region IS NULL OR region = $region)
  AND ($country IS NULL OR country_code = $country)
GROUP BY ALL ORDER BY ALL

-- Who has bought, by their state as it is (0 active, 1 at risk, 2 silent), whether that is more than so many days ago (`is_late`) and
-- the chance of no purchase within 90 days is as high as a limit (`is_risky`).
SELECT
  state, days > $days AS is_late, churn_probability >= $chance AS is_risky, CAST(SUM(customers) AS BIGINT) AS customers,
  SUM(net_revenue_eur) AS net_revenue, SUM(clv_12m_eur) AS clv_12m, CAST(SUM(unscored) AS BIGINT) AS unscored
FROM cube.inactivity
WHERE
  (source_system = $brand OR $brand IS NULL AND source_system <> 'group') AND ($region IS NULL OR region = $region)
  AND ($country IS NULL OR country_code = $country)
GROUP BY ALL ORDER BY ALL

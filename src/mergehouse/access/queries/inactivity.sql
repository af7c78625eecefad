-- Who would count as silent, at risk or active with other limits, beside who does by each brand's own: at risk is who is not
-- silent and whose chance of no purchase within 90 days is as high as the limit. -1 is no score.
SELECT
  CASE WHEN days > $days THEN 'silent' WHEN churn_probability >= $chance THEN 'at_risk' ELSE 'active' END AS state,
  CASE WHEN churn_probability >= $chance_now THEN 'at_risk' ELSE 'active' END AS state_now,
  CAST(SUM(customers) AS BIGINT) AS customers, SUM(net_revenue_eur) AS net_revenue, SUM(clv_12m_eur) AS clv_12m,
  CAST(SUM(churned) AS BIGINT) AS churned, SUM(churned_net_revenue_eur) AS churned_net_revenue,
  SUM(churned_clv_12m_eur) AS churned_clv_12m,
  CAST(SUM(CASE WHEN churn_probability < 0 THEN customers ELSE 0 END) AS BIGINT) AS unscored
FROM cube.inactivity
WHERE
  (source_system = $brand OR $brand IS NULL AND source_system <> 'group') AND ($region IS NULL OR region = $region)
  AND ($country IS NULL OR country_code = $country)
GROUP BY ALL ORDER BY ALL

-- Who has bought, by whether that is more than so many days ago (`is_late`) and the chance of no purchase within 90 days is as
-- high as a limit, and as another; within each, who counts as churned by each brand's own limit. -1 is no score.
SELECT
  days > $days AS is_late, churn_probability >= $chance AS is_risky, churn_probability >= $other_chance AS is_risky_by_other,
  CAST(SUM(customers) AS BIGINT) AS customers, SUM(net_revenue_eur) AS net_revenue, SUM(clv_12m_eur) AS clv_12m,
  CAST(SUM(churned) AS BIGINT) AS churned, SUM(churned_net_revenue_eur) AS churned_net_revenue,
  SUM(churned_clv_12m_eur) AS churned_clv_12m,
  CAST(SUM(CASE WHEN churn_probability < 0 THEN customers ELSE 0 END) AS BIGINT) AS unscored
FROM cube.inactivity
WHERE
  (source_system = $brand OR $brand IS NULL AND source_system <> 'group') AND ($region IS NULL OR region = $region)
  AND ($country IS NULL OR country_code = $country)
GROUP BY ALL ORDER BY ALL

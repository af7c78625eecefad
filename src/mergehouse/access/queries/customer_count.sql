-- How many customers a list has.
-- choose whole: all = gold.customer_360; brand = gold.customer_brand_360
SELECT COUNT(*) AS customers, SUM(monetary_eur) AS net_revenue, SUM(clv_12m_eur) AS clv_12m
FROM {whole}
WHERE
  ($brand IS NULL OR source_system = $brand) AND ($region IS NULL OR region = $region)
  AND ($country IS NULL OR country_code = $country) AND ($segment IS NULL OR segment = $segment)
  AND ($risk IS NULL OR COALESCE(risk_band, 'none') = $risk) AND ($tier IS NULL OR COALESCE(clv_tier, 'none') = $tier)
  AND ($days_from IS NULL OR recency_days >= $days_from) AND ($days_below IS NULL OR recency_days < $days_below)
  AND (
    $search IS NULL OR length($search) >= 6 AND starts_with(customer_id, lower($search))
    OR customer_id IN (SELECT customer_id FROM lookup.numbers WHERE source_customer_id = upper($search))
  )

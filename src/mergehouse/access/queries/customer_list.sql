-- Customers one by one: of all brands together, or at each brand. `search` is the beginning of a key, six letters or more, or
-- a brand's number.
-- choose whole: all = gold.customer_360; brand = gold.customer_brand_360
-- choose order: revenue_desc = monetary_eur DESC; revenue_asc = monetary_eur; orders_desc = frequency DESC; orders_asc = frequency; days_asc = recency_days ASC NULLS LAST; days_desc = recency_days DESC NULLS LAST; churn_desc = churn_probability_90d DESC NULLS LAST; churn_asc = churn_probability_90d ASC NULLS LAST; value_desc = clv_12m_eur DESC NULLS LAST; value_asc = clv_12m_eur ASC NULLS LAST
SELECT
  customer_id AS customer, source_system AS brand, country_code AS country, region, segment, risk_band, clv_tier,
  last_order_date, recency_days AS days, frequency AS orders, monetary_eur AS net_revenue,
  churn_probability_90d AS churn_probability, clv_12m_eur AS clv_12m
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
ORDER BY {order}, customer_id, source_system LIMIT $size OFFSET $after

-- Grain: one unified customer at one brand.
-- Inputs: what each customer bought at each brand, brands' as-of dates, RFM, scores.
-- Questionable: customers who never bought are kept as `Prospects` without scores.
SELECT
  c.customer_id, c.source_system, c.country_code, c.region,
  c.first_order_date, c.last_order_date, DATEDIFF(b.as_of_date, c.last_order_date) AS recency_days, c.frequency, c.monetary_eur,
  c.gmv_eur, c.returns_eur, c.margin_eur, c.units, c.categories, c.is_cross_brand,
  r.r_score, r.f_score, r.m_score, COALESCE(r.segment, 'Prospects') AS segment, r.is_churned,
  p.churn_probability_90d, p.risk_band, p.p_alive, p.expected_orders_90d, p.clv_12m_eur, p.clv_tier,
  p.reason_1, p.reason_2, p.reason_3, p.method                      AS score_method,
  b.as_of_date
FROM silver.customer_totals AS c
JOIN gold.dim_brand AS b ON b.source_system = c.source_system
LEFT JOIN staging.rfm AS r ON r.scope = c.source_system AND r.customer_id = c.customer_id AND r.scope <> 'group'
LEFT JOIN gold.customer_scores_gold AS p ON p.customer_id = c.customer_id AND p.source_system = c.source_system AND p.as_of_date = b.as_of_date

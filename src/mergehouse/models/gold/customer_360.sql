-- Grain: one unified customer, group scope.
-- Inputs: the brand views of each customer, categories bought, customers, brand settings, RFM, scores.
-- Questionable: recency is the smallest of the brands' recencies, each counted to that brand's own as-of date, so that two
-- brands whose data end in different years compare fairly. A customer of one brand is what that brand's view says.
WITH shared AS (
  SELECT
    customer_id,
    MIN(first_order_date)                                                    AS first_order_date,
    MAX(last_order_date)                                                     AS last_order_date,
    MIN(recency_days)                                                        AS recency_days,
    SUM(frequency)                                                           AS frequency,
    SUM(monetary_eur)                                                        AS monetary_eur,
    SUM(gmv_eur)                                                             AS gmv_eur,
    SUM(returns_eur)                                                         AS returns_eur,
    SUM(margin_eur)                                                          AS margin_eur,
    SUM(units)                                                               AS units,
    MIN_BY(as_of_date, STRUCT(COALESCE(recency_days, 1000000), source_system)) AS as_of_date
  FROM gold.customer_brand_360
  WHERE is_cross_brand
  GROUP BY customer_id
),
diversity AS (
  SELECT c.customer_id, COUNT(DISTINCT c.category) AS categories
  FROM silver.customer_categories AS c
  JOIN mapping.brands AS b
    ON b.source_system = c.source_system AND (b.as_of IS NULL OR c.first_order_date < CAST(b.as_of AS DATE))
  LEFT SEMI JOIN shared AS s ON s.customer_id = c.customer_id
  GROUP BY c.customer_id
),
spending AS (
  SELECT s.*, COALESCE(d.categories, 0) AS categories, TRUE AS is_cross_brand
  FROM shared AS s LEFT JOIN diversity AS d ON d.customer_id = s.customer_id
  UNION ALL
  SELECT
    customer_id, first_order_date, last_order_date, recency_days, frequency, monetary_eur, gmv_eur, returns_eur, margin_eur, units,
    as_of_date, categories, is_cross_brand
  FROM gold.customer_brand_360
  WHERE NOT is_cross_brand
)
SELECT
  c.customer_id, g.source_system, g.country_code, g.region,
  c.first_order_date, c.last_order_date, c.recency_days, c.frequency, c.monetary_eur,
  c.gmv_eur, c.returns_eur, c.margin_eur, c.units, c.categories, c.is_cross_brand,
  r.r_score, r.f_score, r.m_score, COALESCE(r.segment, 'Prospects') AS segment, r.is_churned,
  p.churn_probability_90d, p.risk_band, p.p_alive, p.expected_orders_90d, p.clv_12m_eur, p.clv_tier,
  p.reason_1, p.reason_2, p.reason_3, p.method                      AS score_method,
  c.as_of_date
FROM spending AS c
JOIN gold.dim_customer AS g ON g.customer_id = c.customer_id
LEFT JOIN staging.rfm AS r ON r.scope = 'group' AND r.customer_id = c.customer_id
LEFT JOIN gold.customer_scores_gold AS p ON p.customer_id = c.customer_id AND p.source_system = 'group' AND p.as_of_date = c.as_of_date

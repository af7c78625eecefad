-- Grain: one unified customer, group scope.
-- Inputs: the brand views of each customer, order lines for categories, customers, the segment table.
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
  FROM silver.customer_categories AS c LEFT SEMI JOIN shared AS s ON s.customer_id = c.customer_id
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
),
joined AS (
  SELECT s.*, g.source_system, g.country_code, g.region, s.frequency > 0 AS is_buyer
  FROM spending AS s
  JOIN gold.dim_customer AS g ON g.customer_id = s.customer_id
),
recency AS (
  SELECT
    recency_days,
    1 + 5 * (SUM(n) OVER (ORDER BY recency_days DESC) - n) DIV SUM(n) OVER () AS score
  FROM (SELECT recency_days, COUNT(*) AS n FROM joined WHERE is_buyer GROUP BY recency_days) AS v
),
frequencies AS (
  SELECT
    frequency,
    1 + 5 * (SUM(n) OVER (ORDER BY frequency) - n) DIV SUM(n) OVER () AS score
  FROM (SELECT frequency, COUNT(*) AS n FROM joined WHERE is_buyer GROUP BY frequency) AS v
),
monetary AS (
  SELECT
    monetary_eur,
    1 + 5 * (SUM(n) OVER (ORDER BY monetary_eur) - n) DIV SUM(n) OVER () AS score
  FROM (SELECT monetary_eur, COUNT(*) AS n FROM joined WHERE is_buyer GROUP BY monetary_eur) AS v
)
SELECT
  c.customer_id, c.source_system, c.country_code, c.region,
  c.first_order_date, c.last_order_date, c.recency_days, c.frequency, c.monetary_eur,
  c.gmv_eur, c.returns_eur, c.margin_eur, c.units, c.categories, c.is_cross_brand,
  r.score                                                           AS r_score,
  f.score                                                           AS f_score,
  m.score                                                           AS m_score,
  COALESCE(s.segment, 'Prospects')                                  AS segment,
  CASE WHEN c.is_buyer THEN c.recency_days > CAST(t.churn_after_days AS INT) END AS is_churned,
  p.churn_probability_90d, p.risk_band, p.p_alive, p.expected_orders_90d, p.clv_12m_eur, p.clv_tier,
  p.reason_1, p.reason_2, p.reason_3, p.method                      AS score_method,
  c.as_of_date
FROM joined AS c
CROSS JOIN mapping.settings AS t
LEFT JOIN recency AS r ON c.is_buyer AND r.recency_days = c.recency_days
LEFT JOIN frequencies AS f ON c.is_buyer AND f.frequency = c.frequency
LEFT JOIN monetary AS m ON c.is_buyer AND m.monetary_eur = c.monetary_eur
LEFT JOIN mapping.rfm_segments AS s ON CAST(s.r_score AS INT) = r.score AND CAST(s.f_score AS INT) = f.score
LEFT JOIN gold.customer_scores_gold AS p ON p.customer_id = c.customer_id AND p.source_system = 'group' AND p.as_of_date = c.as_of_date

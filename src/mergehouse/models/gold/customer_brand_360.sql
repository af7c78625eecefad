-- Grain: one unified customer at one brand.
-- Inputs: what each customer bought at each brand, brands' as-of dates, the segment table, scores.
-- Questionable: customers who never bought are kept as `Prospects` without scores. A quintile score is 1 + floor(5 x share of
-- buyers ranked below), worked out per distinct value: equal values get equal scores, whatever the order of rows.
WITH joined AS (
  SELECT s.*, s.frequency > 0 AS is_buyer, b.as_of_date, DATEDIFF(b.as_of_date, s.last_order_date) AS recency_days
  FROM silver.customer_totals AS s
  JOIN gold.dim_brand AS b ON b.source_system = s.source_system
),
recency AS (
  SELECT
    source_system, recency_days,
    1 + 5 * (SUM(n) OVER (PARTITION BY source_system ORDER BY recency_days DESC) - n) DIV SUM(n) OVER (PARTITION BY source_system) AS score
  FROM (SELECT source_system, recency_days, COUNT(*) AS n FROM joined WHERE is_buyer GROUP BY source_system, recency_days) AS v
),
frequencies AS (
  SELECT
    source_system, frequency,
    1 + 5 * (SUM(n) OVER (PARTITION BY source_system ORDER BY frequency) - n) DIV SUM(n) OVER (PARTITION BY source_system) AS score
  FROM (SELECT source_system, frequency, COUNT(*) AS n FROM joined WHERE is_buyer GROUP BY source_system, frequency) AS v
),
monetary AS (
  SELECT
    source_system, monetary_eur,
    1 + 5 * (SUM(n) OVER (PARTITION BY source_system ORDER BY monetary_eur) - n) DIV SUM(n) OVER (PARTITION BY source_system) AS score
  FROM (SELECT source_system, monetary_eur, COUNT(*) AS n FROM joined WHERE is_buyer GROUP BY source_system, monetary_eur) AS v
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
LEFT JOIN recency AS r ON c.is_buyer AND r.source_system = c.source_system AND r.recency_days = c.recency_days
LEFT JOIN frequencies AS f ON c.is_buyer AND f.source_system = c.source_system AND f.frequency = c.frequency
LEFT JOIN monetary AS m ON c.is_buyer AND m.source_system = c.source_system AND m.monetary_eur = c.monetary_eur
LEFT JOIN mapping.rfm_segments AS s ON CAST(s.r_score AS INT) = r.score AND CAST(s.f_score AS INT) = f.score
LEFT JOIN gold.customer_scores_gold AS p ON p.customer_id = c.customer_id AND p.source_system = c.source_system AND p.as_of_date = c.as_of_date

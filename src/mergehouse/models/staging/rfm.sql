-- Grain: one buyer of one brand, and once more in the group (`scope`).
-- Inputs: what each customer bought at each brand, brands' as-of dates and settings, the segment table.
-- Questionable: a quintile score is 1 + floor(5 x share of the scope's buyers ranked below): equal values get equal scores,
-- whatever the order of rows. In the group recency is the smallest of a customer's recencies, each to that brand's as-of date,
-- and who has churned has done so at every brand where they bought, after the days that each brand takes for it.
WITH at_brands AS (
  SELECT
    t.customer_id, t.source_system, DATEDIFF(b.as_of_date, t.last_order_date) AS recency_days, t.frequency, t.monetary_eur,
    DATEDIFF(b.as_of_date, t.last_order_date) > CAST(s.churn_after_days AS INT) AS is_churned
  FROM silver.customer_totals AS t
  JOIN gold.dim_brand AS b ON b.source_system = t.source_system
  JOIN mapping.churn_days AS s ON s.source_system = t.source_system
),
buyers AS (
  SELECT source_system AS scope, customer_id, recency_days, frequency, monetary_eur, is_churned FROM at_brands WHERE frequency > 0
  UNION ALL
  SELECT 'group' AS scope, customer_id, MIN(recency_days), SUM(frequency), SUM(monetary_eur), COUNT_IF(NOT is_churned) = 0
  FROM at_brands GROUP BY customer_id HAVING SUM(frequency) > 0
),
scored AS (
  SELECT
    scope, customer_id, is_churned,
    1 + 5 * (RANK() OVER (PARTITION BY scope ORDER BY recency_days DESC) - 1) DIV COUNT(*) OVER (PARTITION BY scope) AS r_score,
    1 + 5 * (RANK() OVER (PARTITION BY scope ORDER BY frequency) - 1) DIV COUNT(*) OVER (PARTITION BY scope)         AS f_score,
    1 + 5 * (RANK() OVER (PARTITION BY scope ORDER BY monetary_eur) - 1) DIV COUNT(*) OVER (PARTITION BY scope)      AS m_score
  FROM buyers
)
SELECT
  b.scope, b.customer_id, b.r_score, b.f_score, b.m_score, s.segment, b.is_churned
FROM scored AS b
LEFT JOIN mapping.rfm_segments AS s ON CAST(s.r_score AS INT) = b.r_score AND CAST(s.f_score AS INT) = b.f_score

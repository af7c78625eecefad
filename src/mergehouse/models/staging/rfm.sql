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
recencies AS ( -- a rank is the number of those below: of the few values that there are, that is counted
  SELECT
    scope, recency_days,
    1 + 5 * (SUM(buyers) OVER (PARTITION BY scope ORDER BY recency_days DESC) - buyers) DIV SUM(buyers) OVER (PARTITION BY scope) AS r_score
  FROM (SELECT scope, recency_days, COUNT(*) AS buyers FROM buyers GROUP BY scope, recency_days) AS counted
),
frequencies AS (
  SELECT
    scope, frequency,
    1 + 5 * (SUM(buyers) OVER (PARTITION BY scope ORDER BY frequency) - buyers) DIV SUM(buyers) OVER (PARTITION BY scope) AS f_score
  FROM (SELECT scope, frequency, COUNT(*) AS buyers FROM buyers GROUP BY scope, frequency) AS counted
),
scored AS (
  SELECT
    b.scope, b.customer_id, b.is_churned, r.r_score, f.f_score,
    1 + 5 * (RANK() OVER (PARTITION BY b.scope ORDER BY b.monetary_eur) - 1) DIV COUNT(*) OVER (PARTITION BY b.scope) AS m_score
  FROM buyers AS b
  JOIN recencies AS r ON r.scope = b.scope AND r.recency_days <=> b.recency_days
  JOIN frequencies AS f ON f.scope = b.scope AND f.frequency = b.frequency
)
SELECT
  b.scope, b.customer_id, b.r_score, b.f_score, b.m_score, s.segment, b.is_churned
FROM scored AS b
LEFT JOIN mapping.rfm_segments AS s ON CAST(s.r_score AS INT) = b.r_score AND CAST(s.f_score AS INT) = b.f_score

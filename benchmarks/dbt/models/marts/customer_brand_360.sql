WITH bought AS (
  SELECT customer_id, source_system, COUNT(DISTINCT category) AS categories
  FROM {{ ref('fct_order_lines') }} WHERE line_type = 'sale' AND customer_id IS NOT NULL GROUP BY ALL
),
spending AS (
  SELECT
    customer_id, source_system, MIN(order_date) FILTER (is_sale) AS first_order_date, MAX(order_date) FILTER (is_sale) AS last_order_date,
    COUNT(*) FILTER (is_sale) AS frequency, SUM(gmv_eur - returns_eur) AS monetary_eur, SUM(gmv_eur) AS gmv_eur,
    SUM(returns_eur) AS returns_eur, SUM(margin_eur) AS margin_eur, SUM(units) AS units
  FROM {{ ref('fct_orders') }} WHERE customer_id IS NOT NULL GROUP BY ALL
),
scored AS (
  SELECT
    s.*, b.as_of_date, b.as_of_date - s.last_order_date AS recency_days,
    b.as_of_date - s.last_order_date > {{ var('churn_after_days') }} AS is_churned,
    {{ quintile('b.as_of_date - s.last_order_date DESC', 's.source_system, s.frequency > 0') }} AS r_score,
    {{ quintile('s.frequency', 's.source_system, s.frequency > 0') }} AS f_score,
    {{ quintile('s.monetary_eur', 's.source_system, s.frequency > 0') }} AS m_score
  FROM spending AS s JOIN {{ ref('dim_brand') }} AS b USING (source_system)
)
SELECT c.*, COALESCE(t.categories, 0) AS categories, IF(c.frequency > 0, g.segment, 'Prospects') AS segment
FROM scored AS c
LEFT JOIN bought AS t USING (customer_id, source_system)
LEFT JOIN {{ ref('rfm_segments') }} AS g USING (r_score, f_score)

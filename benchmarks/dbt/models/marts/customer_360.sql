WITH grouped AS (
  SELECT
    customer_id, MIN(first_order_date) AS first_order_date, MAX(last_order_date) AS last_order_date, MIN(recency_days) AS recency_days,
    SUM(frequency) AS frequency, SUM(monetary_eur) AS monetary_eur, SUM(gmv_eur) AS gmv_eur, SUM(returns_eur) AS returns_eur,
    SUM(margin_eur) AS margin_eur, SUM(units) AS units, COUNT(*) > 1 AS is_cross_brand, BOOL_AND(is_churned) AS is_churned
  FROM {{ ref('customer_brand_360') }} GROUP BY customer_id
),
scored AS (
  SELECT
    *, {{ quintile('recency_days DESC', 'frequency > 0') }} AS r_score, {{ quintile('frequency', 'frequency > 0') }} AS f_score,
    {{ quintile('monetary_eur', 'frequency > 0') }} AS m_score
  FROM grouped
)
SELECT s.*, d.country_code, d.region, IF(s.frequency > 0, g.segment, 'Prospects') AS segment
FROM scored AS s JOIN {{ ref('dim_customer') }} AS d USING (customer_id)
LEFT JOIN {{ ref('rfm_segments') }} AS g USING (r_score, f_score)

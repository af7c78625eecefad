WITH seen AS (
  SELECT source_system, customer_code, MIN(order_date) AS first_seen, MAX_BY(country, order_ts) AS country
  FROM {{ ref('int_order_lines') }} WHERE customer_code IS NOT NULL GROUP BY ALL
)
SELECT
  x.customer_id, IF(COUNT(DISTINCT x.source_system) > 1, 'both', MIN(x.source_system)) AS source_system,
  MIN_BY(COALESCE(n.country_code, 'ZZ'), COALESCE(s.first_seen, DATE '9999-12-31')) AS country_code,
  MIN_BY(COALESCE(n.region, 'Rest of world'), COALESCE(s.first_seen, DATE '9999-12-31')) AS region,
  MIN(c.age_range) AS age_range, MIN(c.signup_date) AS signup_date, MIN(s.first_seen) AS first_seen
FROM {{ ref('int_customer_xref') }} AS x
LEFT JOIN {{ ref('stg_contoso__customers') }} AS c ON x.source_system = 'contoso' AND c.customer_code = x.customer_code
LEFT JOIN seen AS s ON s.source_system = x.source_system AND s.customer_code = x.customer_code
LEFT JOIN {{ ref('stg_countries') }} AS n ON n.spelling = COALESCE(c.country, s.country)
GROUP BY x.customer_id

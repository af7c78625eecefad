-- Grain: one customer number of one brand.
-- Inputs: registered customers, the last country seen on their orders, the cross-reference.
-- Questionable: the registered country wins over the order's; customers without a registration take that of their last order.
WITH seen AS (
  SELECT
    source_system, customer_code,
    MIN(order_date)                            AS first_seen,
    MAX_BY(country, STRUCT(order_ts, country)) AS country
  FROM silver.order_lines
  WHERE customer_code IS NOT NULL AND order_ts IS NOT NULL
  GROUP BY source_system, customer_code
)
SELECT
  x.source_system,
  x.source_customer_id,
  x.customer_id,
  COALESCE(n.country_code, 'ZZ')         AS country_code,
  COALESCE(n.country, 'Unknown')         AS country,
  COALESCE(n.region, 'Rest of world')    AS region,
  r.age_range,
  r.gender,
  r.signup_date,
  s.first_seen
FROM silver.customer_xref AS x
LEFT JOIN staging.customers AS r ON r.source_system = x.source_system AND r.customer_code = x.source_customer_id
LEFT JOIN seen AS s ON s.source_system = x.source_system AND s.customer_code = x.source_customer_id
LEFT JOIN staging.country_names AS n ON n.spelling = UPPER(TRIM(COALESCE(r.country, s.country)))

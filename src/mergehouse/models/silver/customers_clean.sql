-- Grain: one customer number of one brand.
-- Inputs: registered customers, customers as order lines show them, the cross-reference.
-- Questionable: the registered country wins over the order's; customers without a registration take that of their last order.
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
  s.first_seen,
  r.customer_code IS NOT NULL            AS is_registered
FROM silver.customer_xref AS x
LEFT JOIN staging.customers AS r ON r.source_system = x.source_system AND r.customer_code = x.source_customer_id
LEFT JOIN silver.customers_seen AS s ON s.source_system = x.source_system AND s.customer_code = x.source_customer_id
LEFT JOIN staging.country_names AS n ON n.spelling = FOLDED(TRIM(COALESCE(r.country, s.country)))

-- Grain: one product code of one brand.
-- Inputs: the product cross-reference, catalogue attributes, first sightings, the hierarchy's cost rates.
-- Questionable: without an actual unit cost, margin is estimated from the category's cost rate, else its department's, else that
-- of Unmapped; margin_method says which.
SELECT
  x.source_system,
  x.product_code,
  x.product_id,
  x.group_product_id,
  COALESCE(x.product_name, CONCAT('(no name) ', x.product_code)) AS product_name,
  x.source_category,
  x.department,
  x.category,
  x.line_class,
  x.line_class IS NULL                                           AS is_merchandise,
  c.product_brand,
  c.color,
  c.size,
  c.gender,
  c.list_price,
  c.unit_cost,
  b.currency,
  CASE WHEN x.line_class IS NULL THEN CAST(COALESCE(h.cost_rate, d.cost_rate, u.cost_rate) AS DECIMAL(5, 4)) END AS cost_rate,
  CASE WHEN c.unit_cost IS NOT NULL THEN 'actual' ELSE 'estimated' END AS margin_method,
  s.first_seen,
  c.product_code IS NOT NULL                                     AS is_listed
FROM silver.product_xref AS x
JOIN mapping.brands AS b ON b.source_system = x.source_system
LEFT JOIN staging.products AS c ON c.source_system = x.source_system AND c.product_code = x.product_code
LEFT JOIN staging.products_seen AS s ON s.source_system = x.source_system AND s.product_code = x.product_code
LEFT JOIN mapping.hierarchy AS h ON h.department = x.department AND h.category = x.category
LEFT JOIN mapping.hierarchy AS d ON d.department = x.department AND d.category IS NULL
LEFT JOIN mapping.hierarchy AS u ON u.department = 'Unmapped' AND u.category = 'Unmapped'

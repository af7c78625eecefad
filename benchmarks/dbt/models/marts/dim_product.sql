SELECT
  source_system, product_id, product_code, COALESCE(product_name, '(no name) ' || product_code) AS product_name, department, category,
  line_class, line_class IS NULL AS is_merchandise, product_brand, color, size, gender, first_seen,
  IF(unit_cost IS NULL, 'estimated', 'actual') AS margin_method
FROM {{ ref('int_products') }}

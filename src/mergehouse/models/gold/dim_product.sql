-- Grain: one product of one brand.
-- Inputs: clean products.
-- Questionable: non-merchandise codes stay in, marked, so that every order line finds its product.
SELECT
  source_system, product_id, group_product_id, product_code, product_name, department, category, line_class, is_merchandise,
  product_brand, color, size, gender, margin_method, first_seen
FROM silver.products_clean

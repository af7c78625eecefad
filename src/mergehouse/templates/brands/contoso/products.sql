-- Grain: one product of the catalogue.
-- Inputs: the products table; its cost_price is the actual cost of goods per unit.
-- Questionable: nothing.
SELECT
  product_id     AS product_code,
  product_name,
  category       AS source_category,
  brand          AS product_brand,
  color,
  size,
  gender,
  catalog_price  AS list_price,
  cost_price     AS unit_cost
FROM products

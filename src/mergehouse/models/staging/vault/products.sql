-- Grain: one registered product.
-- Inputs: the history of registered products.
-- Questionable: what is current is the record that holds last, whenever it was loaded.
SELECT
  source_system, product_code, product_name, source_department, source_category, product_brand, color, size, gender, list_price, unit_cost, load_ts AS ingest_ts, source_row
FROM staging.product_history
WHERE is_current AND NOT is_deleted

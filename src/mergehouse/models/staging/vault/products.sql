-- Grain: one registered product.
-- Inputs: the product satellite.
-- Questionable: what is current is the record that holds last, whenever it was loaded; of several of one moment the one loaded last.
SELECT
  source_system, product_code, product_name, source_department, source_category, product_brand, color, size, gender, list_price, unit_cost, load_ts AS ingest_ts,
  source_row
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY product_hk ORDER BY effective_from DESC, load_ts DESC, source_row DESC) AS place
  FROM silver.product_satellite
) AS placed
WHERE place = 1 AND NOT is_deleted

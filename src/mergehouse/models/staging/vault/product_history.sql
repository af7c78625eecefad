-- Grain: one record of a registered product, from when it holds until the next one does.
-- Inputs: the product satellite.
-- Questionable: of several records of one moment the one loaded last holds; neighbours that say the same are one. A record that
-- came late takes its place among those loaded before it.
SELECT
  product_hk, source_system, product_code, load_ts, record_source, source_row, effective_from,
  LEAD(effective_from) OVER (PARTITION BY product_hk ORDER BY effective_from)         AS effective_to,
  LEAD(effective_from) OVER (PARTITION BY product_hk ORDER BY effective_from) IS NULL AS is_current,
  is_deleted, product_name, source_department, source_category, product_brand, color, size, gender, list_price, unit_cost
FROM (
  SELECT *, LAG(hashdiff) OVER (PARTITION BY product_hk ORDER BY effective_from) AS said_before
  FROM (
    SELECT *, ROW_NUMBER() OVER (PARTITION BY product_hk, effective_from ORDER BY load_ts DESC, source_row DESC) AS place
    FROM silver.product_satellite
  ) AS placed
  WHERE place = 1
) AS compared
WHERE said_before IS NULL OR said_before <> hashdiff

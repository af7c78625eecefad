-- Grain: one product code under one name in one month at one brand.
-- Inputs: order lines with a date, usable or not.
-- Questionable: kept by month, so that a delivery counts its own months again and not the whole history.
SELECT
  source_system,
  order_month,
  product_code,
  COALESCE(product_name, '')                AS product_name,
  COUNT(CASE WHEN quantity > 0 AND unit_price > 0 THEN 1 END) AS sales,
  CASE WHEN COUNT(*) = COUNT(line_class) THEN MIN(line_class) END AS line_class,
  MIN(order_date)                           AS first_seen
FROM silver.order_lines
WHERE product_code IS NOT NULL AND order_month IS NOT NULL
GROUP BY source_system, order_month, product_code, COALESCE(product_name, '')

-- First and last sale of each brand: where its clock begins and stops. Days are those of daily sales, too, so that
-- a release, which has no single orders, has a clock.
SELECT source_system, MIN(day) AS first_day, MAX(day) AS last_day, MAX(order_ts) AS last_order_ts
FROM (
  SELECT source_system, order_date AS day, order_ts FROM silver.orders WHERE is_sale
  UNION ALL
  SELECT source_system, order_date, NULL FROM gold.sales_daily WHERE orders > 0
)
GROUP BY source_system ORDER BY source_system

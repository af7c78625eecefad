-- First and last sale of each brand: where its clock begins and stops.
SELECT source_system, MIN(order_date) AS first_day, MAX(order_date) AS last_day, MAX(order_ts) AS last_order_ts
FROM silver.orders WHERE is_sale GROUP BY source_system ORDER BY source_system

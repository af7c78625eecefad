-- When each brand's last sale was, by which one sees whether its last day is whole.
-- by brand
SELECT source_system, MAX(order_ts) AS last_order_ts FROM silver.orders WHERE is_sale GROUP BY source_system
ORDER BY source_system

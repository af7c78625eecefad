-- only: persons, group
-- Customers of all brands together, in the same order.
SELECT * REPLACE ({reasons})
FROM gold.customer_360 ORDER BY segment, region, monetary_eur DESC, customer_id

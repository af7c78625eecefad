-- only: persons
-- The same customers in the order of their keys, to find one.
SELECT * REPLACE ({reasons})
FROM gold.customer_brand_360 ORDER BY customer_id, source_system

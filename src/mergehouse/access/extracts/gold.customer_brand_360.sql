-- only: persons
-- Customers at each brand, in the order of lists: by segment and region, the most valuable first.
SELECT * REPLACE ({reasons})
FROM gold.customer_brand_360 ORDER BY segment, region, monetary_eur DESC, customer_id

-- only: persons, group
-- Customers of all brands together, in the order of their keys, to find one.
SELECT * REPLACE ({reasons})
FROM gold.customer_360 ORDER BY customer_id

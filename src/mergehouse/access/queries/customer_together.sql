-- The same customer at all brands together.
SELECT * FROM gold.customer_360 WHERE customer_id = $customer

-- The same customer at all brands together.
SELECT * FROM lookup.customers_together WHERE customer_id = $customer

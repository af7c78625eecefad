-- The numbers by which brands know a customer.
SELECT source_system, source_customer_id FROM lookup.numbers WHERE customer_id = $customer ORDER BY ALL

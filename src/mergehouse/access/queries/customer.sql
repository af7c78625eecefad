-- One customer at each brand of the scope.
SELECT * FROM lookup.customers WHERE customer_id = $customer ORDER BY source_system

-- One customer at each brand of the scope.
SELECT * FROM gold.customer_brand_360 WHERE customer_id = $customer ORDER BY source_system

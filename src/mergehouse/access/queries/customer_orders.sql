-- A customer's orders and returns, the newest first.
SELECT * FROM lookup.orders WHERE customer_id = $customer ORDER BY order_date DESC, source_system, order_id LIMIT $most

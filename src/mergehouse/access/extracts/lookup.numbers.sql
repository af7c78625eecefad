-- only: persons
-- The numbers by which brands know customers, in the order of customers' keys: to find one, and for the CRM.
SELECT customer_id, source_system, source_customer_id FROM silver.customer_xref
ORDER BY customer_id, source_system, source_customer_id

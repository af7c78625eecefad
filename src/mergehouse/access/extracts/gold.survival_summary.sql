-- The same in a line for each group of customers.
SELECT * FROM gold.survival_summary ORDER BY source_system, clock, customer_group

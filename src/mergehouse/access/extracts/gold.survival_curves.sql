-- How long customers stay.
SELECT * FROM gold.survival_curves ORDER BY source_system, clock, customer_group, day

-- The survival curves there are, in numbers and words.
SELECT * FROM gold.survival_summary WHERE source_system = $brand ORDER BY clock, customer_group

-- The survival curves there are, in numbers and words: of all, of purchases in their order, of segments by name.
SELECT * FROM gold.survival_summary WHERE source_system = $brand
ORDER BY
  clock, CASE customer_group WHEN 'all' THEN 0 WHEN 'purchase: first' THEN 1 WHEN 'purchase: second' THEN 2 ELSE 3 END, customer_group

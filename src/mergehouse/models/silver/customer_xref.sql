-- Grain: one customer number of one brand.
-- Inputs: registered customers, customers seen on order lines, groups that each brand's customer_xref.csv of known pairs makes.
-- Questionable: customers joined by known pairs, by any number of steps, share the alphabetically first of their numbers as
-- customer_id. Everybody else is their own. Probabilistic matches will add rows with their method.
WITH customers AS (
  SELECT source_system, customer_code FROM staging.customers WHERE customer_code IS NOT NULL
  UNION
  SELECT source_system, customer_code FROM silver.customers_seen
)
SELECT
  c.source_system,
  c.customer_code                                                      AS source_customer_id,
  COALESCE(g.customer_id, CONCAT(c.source_system, ':', c.customer_code)) AS customer_id,
  CASE WHEN g.customer_id IS NULL THEN 'own' ELSE 'known_pair' END     AS method,
  CAST(1 AS DECIMAL(5, 4))                                             AS probability
FROM customers AS c
LEFT JOIN mapping.customer_groups AS g ON g.source_system = c.source_system AND g.customer_code = c.customer_code

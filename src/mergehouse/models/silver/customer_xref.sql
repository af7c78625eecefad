-- Grain: one customer number of one brand.
-- Inputs: registered customers, customers seen on order lines, the registry of unified customers, groups of known pairs.
-- Questionable: where a brand declares identity attributes the registry says who is who. Without it, and for whom it does not know
-- yet, customers joined by known pairs, by any number of steps, share the alphabetically first of their numbers as customer_id;
-- everybody else is their own.
WITH customers AS (
  SELECT source_system, customer_code FROM staging.customers WHERE customer_code IS NOT NULL
  UNION
  SELECT source_system, customer_code FROM silver.customers_seen
),
registered AS (
  SELECT *
  FROM (
    SELECT *, ROW_NUMBER() OVER (PARTITION BY source_system, customer_code ORDER BY entry DESC) AS place
    FROM silver.identity_registry
  ) AS entries
  CROSS JOIN (SELECT COUNT(*) AS attributes FROM mapping.identity_attributes) AS declared
  WHERE declared.attributes > 0 AND entries.place = 1
)
SELECT
  c.source_system,
  c.customer_code                                                      AS source_customer_id,
  COALESCE(r.customer_id, g.customer_id, CONCAT(c.source_system, ':', c.customer_code)) AS customer_id,
  COALESCE(r.method, CASE WHEN g.customer_id IS NULL THEN 'own' ELSE 'known_pair' END)  AS method,
  r.score
FROM customers AS c
LEFT JOIN registered AS r ON r.source_system = c.source_system AND r.customer_code = c.customer_code
LEFT JOIN mapping.customer_groups AS g ON g.source_system = c.source_system AND g.customer_code = c.customer_code

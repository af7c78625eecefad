-- Grain: one customer number of one brand.
-- Inputs: registered customers, customers seen on order lines, each brand's customer_xref.csv of known pairs.
-- Questionable: customers joined by known pairs share the alphabetically first of their numbers as customer_id, followed
-- over three steps (A = B = C = D). Everybody else is their own. Probabilistic matches will add rows with their method.
WITH customers AS (
  SELECT source_system, customer_code FROM staging.customers WHERE customer_code IS NOT NULL
  UNION
  SELECT source_system, customer_code FROM silver.customers_seen
),
links AS (
  SELECT
    CONCAT(source_system, ':', UPPER(TRIM(source_customer_id))) AS a,
    CONCAT(TRIM(other_source_system), ':', UPPER(TRIM(other_source_customer_id))) AS b
  FROM mapping.customer_pairs
),
edges AS (
  SELECT a, b FROM links
  UNION
  SELECT b, a FROM links
),
step_1 AS (SELECT a, LEAST(a, MIN(b)) AS low FROM edges GROUP BY a),
step_2 AS (
  SELECT e.a, LEAST(MIN(s.low), MIN(o.low)) AS low
  FROM edges AS e JOIN step_1 AS s ON s.a = e.a JOIN step_1 AS o ON o.a = e.b GROUP BY e.a
),
step_3 AS (
  SELECT e.a, LEAST(MIN(s.low), MIN(o.low)) AS low
  FROM edges AS e JOIN step_2 AS s ON s.a = e.a JOIN step_2 AS o ON o.a = e.b GROUP BY e.a
)
SELECT
  c.source_system,
  c.customer_code                                                      AS source_customer_id,
  COALESCE(k.low, CONCAT(c.source_system, ':', c.customer_code))       AS customer_id,
  CASE WHEN k.low IS NULL THEN 'own' ELSE 'known_pair' END             AS method,
  CAST(1 AS DECIMAL(5, 4))                                             AS probability
FROM customers AS c
LEFT JOIN step_3 AS k ON k.a = CONCAT(c.source_system, ':', c.customer_code)

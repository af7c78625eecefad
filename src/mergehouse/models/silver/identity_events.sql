-- Grain: one change of customers' ids by one entry of the registry.
-- Inputs: the registry.
-- Questionable: what an earlier id stands for now is where most customer numbers went that ever had it, of two the first by name.
WITH events AS (
  SELECT * FROM silver.identity_registry WHERE event NOT IN ('new', 'evidence') AND previous_id IS NOT NULL
),
holders AS (
  SELECT DISTINCT source_system, customer_code, customer_id
  FROM silver.identity_registry
  WHERE customer_id IN (SELECT previous_id FROM events)
),
latest AS (
  SELECT r.source_system, r.customer_code, MAX_BY(r.customer_id, r.entry) AS customer_id
  FROM silver.identity_registry AS r
  LEFT SEMI JOIN holders AS h ON h.source_system = r.source_system AND h.customer_code = r.customer_code
  GROUP BY r.source_system, r.customer_code
),
successors AS (
  SELECT h.customer_id, l.customer_id AS current_id, COUNT(*) AS customer_numbers
  FROM holders AS h
  JOIN latest AS l ON l.source_system = h.source_system AND l.customer_code = h.customer_code
  GROUP BY h.customer_id, l.customer_id
),
aliases AS (
  SELECT customer_id, current_id
  FROM (
    SELECT customer_id, current_id, ROW_NUMBER() OVER (PARTITION BY customer_id ORDER BY customer_numbers DESC, current_id) AS place
    FROM successors
  ) AS ranked
  WHERE place = 1
)
SELECT
  r.entry,
  MIN(r.recorded_at) AS recorded_at,
  r.event,
  r.previous_id,
  r.customer_id,
  COUNT(*)           AS customer_numbers,
  MIN(a.current_id)  AS current_id
FROM events AS r
JOIN aliases AS a ON a.customer_id = r.previous_id
GROUP BY r.entry, r.event, r.previous_id, r.customer_id

-- Grain: one change of customers' ids by one entry of the registry.
-- Inputs: the registry.
-- Questionable: what an earlier id stands for now is where most customer numbers went that ever had it, of two the first by name.
WITH latest AS (
  SELECT source_system, customer_code, MAX_BY(customer_id, entry) AS customer_id
  FROM silver.identity_registry
  GROUP BY source_system, customer_code
),
successors AS (
  SELECT h.customer_id, l.customer_id AS current_id, COUNT(DISTINCT h.source_system, h.customer_code) AS customer_numbers
  FROM silver.identity_registry AS h
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
FROM silver.identity_registry AS r
JOIN aliases AS a ON a.customer_id = r.previous_id
WHERE r.event NOT IN ('new', 'evidence') AND r.previous_id IS NOT NULL
GROUP BY r.entry, r.event, r.previous_id, r.customer_id

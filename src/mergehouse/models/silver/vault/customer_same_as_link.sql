-- Grain: one customer number and the unified customer that it was linked to, until it was linked otherwise.
-- Inputs: the cross-reference, this table as it was before, when the run began.
-- Questionable: files of known pairs have no history, so this table is its own: what it has it keeps, also where it is rebuilt. The
-- rows of customers that are nowhere any more, because they were erased, go.
WITH linked AS (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY customer_hk ORDER BY load_ts DESC) AS place
  FROM earlier.silver_customer_same_as_link
)
SELECT k.customer_hk, k.source_system, k.source_customer_id, k.customer_id, k.method, k.score, k.load_ts
FROM linked AS k
LEFT SEMI JOIN silver.customer_xref AS x ON x.source_system = k.source_system AND x.source_customer_id = k.source_customer_id
UNION ALL
SELECT
  HASH_OF(x.source_system, x.source_customer_id), x.source_system, x.source_customer_id, x.customer_id, x.method, x.score,
  GREATEST(CAST(r.started AS TIMESTAMP), k.load_ts + INTERVAL 1 SECOND) -- a clock may have been set back
FROM silver.customer_xref AS x
CROSS JOIN mapping.run AS r
LEFT JOIN linked AS k
  ON k.source_system = x.source_system AND k.source_customer_id = x.source_customer_id AND k.place = 1
WHERE k.customer_id IS NULL OR k.customer_id <> x.customer_id OR k.method <> x.method OR k.score IS DISTINCT FROM x.score

-- Grain: one day with order lines of one source of a brand whose deliveries replace days or periods.
-- Inputs: order lines, the ledger, what the brands say of their deliveries.
-- Questionable: a period is all days from a delivery's first to its last, so that what was sold on a day that it leaves out
-- is gone. Which delivery is the latest is told by the versions of its lines, then by its arrival. Deliveries of one source
-- replace none of another: refunds in files of their own are no later version of the day's sales. A row without an order,
-- such as a total, says nothing of its day.
WITH delivered AS (
  SELECT
    l.source_system, l.batch_id, r.replaces, l.order_date,
    MAX(COALESCE(l.version, '')) AS version, MAX(l.ingest_ts) AS ingest_ts
  FROM silver.order_lines AS l
  JOIN mapping.order_rules AS r ON r.source_system = l.source_system AND r.replaces IN ('day', 'period')
  WHERE (l.reason_code IS NULL OR l.reason_code = 'left_out') AND l.order_date IS NOT NULL AND l.order_id IS NOT NULL
  GROUP BY l.source_system, l.batch_id, r.replaces, l.order_date
),
of_sources AS (
  SELECT d.*, b.source_table
  FROM delivered AS d JOIN (SELECT DISTINCT batch_id, source_table FROM bronze.batches) AS b ON b.batch_id = d.batch_id
),
spans AS (
  SELECT
    source_system, source_table, batch_id, MIN(order_date) AS first_date, MAX(order_date) AS last_date,
    MAX(version) AS version, MAX(ingest_ts) AS ingest_ts
  FROM of_sources
  GROUP BY source_system, source_table, batch_id, CASE WHEN replaces = 'day' THEN order_date END
)
SELECT
  d.source_system, d.source_table, d.order_date,
  MAX_BY(s.batch_id, STRUCT(s.version, s.ingest_ts))  AS batch_id,
  MAX_BY(s.ingest_ts, STRUCT(s.version, s.ingest_ts)) AS ingest_ts
FROM (SELECT DISTINCT source_system, source_table, order_date FROM of_sources) AS d
JOIN spans AS s
  ON s.source_system = d.source_system AND s.source_table = d.source_table AND d.order_date BETWEEN s.first_date AND s.last_date
GROUP BY d.source_system, d.source_table, d.order_date

-- Grain: one valid order line that says something else than was said of it before.
-- Inputs: valid order lines.
-- Questionable: lines are compared in the order in which they were loaded, so that a line that returns to what it once was is a
-- record again.
WITH compared AS (
  SELECT
    batch_id, source_row, line_part, sales_hk, ingest_ts,
    STRUCT(sales_hk, hashdiff) AS said_now,
    LAG(STRUCT(sales_hk, hashdiff)) OVER (
      PARTITION BY source_system, order_id, line_id, said, line_part, occurrence,
        CASE WHEN line_id IS NULL THEN customer_code END, CASE WHEN line_id IS NULL THEN product_code END
      ORDER BY ingest_ts, source_row
    ) AS said_before
  FROM staging.sales_lines
  WHERE may_be_said_again
),
placed AS (
  SELECT
    batch_id, source_row, line_part,
    said_now = said_before                                                       AS is_repeat,
    ROW_NUMBER() OVER (PARTITION BY sales_hk ORDER BY ingest_ts, source_row) > 1 AS is_of_known_line
  FROM compared
)
SELECT l.*, COALESCE(p.is_of_known_line, FALSE) AS is_of_known_line
FROM staging.sales_lines AS l
LEFT JOIN placed AS p ON p.batch_id = l.batch_id AND p.source_row = l.source_row AND p.line_part = l.line_part
WHERE NOT COALESCE(p.is_repeat, FALSE)

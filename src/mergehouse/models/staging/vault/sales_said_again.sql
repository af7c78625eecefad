-- Grain: one valid order line that gave way to another, or to which another gave way.
-- Inputs: valid order lines and their keys.
-- Questionable: lines are compared in the order in which they were loaded, so that one that returns to what it once was is no
-- repeat.
SELECT
  *,
  COALESCE(hashdiff = hashdiff_before AND sales_hk = sales_hk_before, FALSE)   AS is_repeat,
  ROW_NUMBER() OVER (PARTITION BY sales_hk ORDER BY ingest_ts, source_row) > 1 AS is_of_known_line
FROM (
  SELECT *, LAG(hashdiff) OVER versions AS hashdiff_before, LAG(sales_hk) OVER versions AS sales_hk_before
  FROM staging.sales_keys
  WHERE may_be_said_again
  WINDOW versions AS (
    PARTITION BY source_system, order_id, line_id, line_part, CASE WHEN line_id IS NULL THEN sales_hk END
    ORDER BY ingest_ts, source_row
  )
) AS compared

-- Order lines as they were delivered, before any is left out or converted, by month: what a sum over the raw exports
-- gives. Without a month are lines whose date cannot be read.
-- by brand
SELECT
  source_system, order_month AS month_start, currency, COUNT(*) AS lines, CAST(COUNT_IF(amount_original < 0) AS BIGINT) AS negative_lines,
  CAST(COUNT_IF(amount_original IS NULL) AS BIGINT) AS lines_without_amount, SUM(amount_original) AS amount,
  SUM(CASE WHEN amount_original > 0 THEN amount_original ELSE 0 END) AS billed,
  -SUM(CASE WHEN amount_original < 0 THEN amount_original ELSE 0 END) AS returned
FROM silver.order_lines GROUP BY ALL ORDER BY ALL

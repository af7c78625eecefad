-- Delivered order lines that are not in GMV: by the step that takes them out, as gold.kpi_raw_vs_silver names it, and why.
-- Rejected lines could not be split, so they are in no step.
-- by brand
SELECT
  source_system, 'quarantine' AS step, reason_code AS reason, COALESCE(currency, '') AS currency, COUNT(*) AS lines,
  SUM(amount_original) AS amount
FROM silver.quarantine GROUP BY ALL
UNION ALL
SELECT source_system, 'duplicates', kind, COALESCE(currency, ''), COUNT(*), SUM(amount_original)
FROM silver.duplicates GROUP BY ALL
UNION ALL
SELECT
  source_system, CASE WHEN line_type = 'non_merchandise' THEN line_type ELSE line_type || 's' END,
  COALESCE(line_class, CASE WHEN line_type <> 'return' THEN line_type WHEN is_cancellation THEN 'cancellation' ELSE 'return' END),
  currency, COUNT(*), SUM(amount_original)
FROM silver.sales_clean WHERE line_type <> 'sale' GROUP BY ALL
UNION ALL
SELECT source_system, 'rejected', reason_code, '', COUNT(*), NULL FROM bronze.rejected GROUP BY ALL
ORDER BY ALL

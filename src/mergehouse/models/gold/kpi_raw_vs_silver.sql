-- Grain: brand x KPI x step of the way from the raw export to the clean figure.
-- Inputs: clean order lines, duplicates, quarantine.
-- Questionable: `raw` is what summing every delivered line gives, read as if each number were euros; steps are signed, so
-- raw + all steps between = clean, exactly. Steps are at four decimals, the last one (FX) lands on cents.
WITH parts AS (
  SELECT source_system, line_type AS part, SUM(amount_original) AS amount, SUM(amount_eur) AS amount_eur, COUNT(*) AS order_lines
  FROM silver.sales_clean GROUP BY source_system, line_type
  UNION ALL
  SELECT source_system, 'duplicate', SUM(amount_original), 0, COUNT(*) FROM silver.duplicates GROUP BY source_system
  UNION ALL
  SELECT source_system, 'quarantine', COALESCE(SUM(amount_original), 0), 0, COUNT(*) FROM silver.quarantine GROUP BY source_system
),
totals AS (
  SELECT
    source_system,
    SUM(amount)                                                               AS raw_amount,
    SUM(order_lines)                                                          AS raw_lines,
    SUM(CASE WHEN part = 'duplicate' THEN amount ELSE 0 END)                  AS duplicate_amount,
    SUM(CASE WHEN part = 'duplicate' THEN order_lines ELSE 0 END)             AS duplicate_lines,
    SUM(CASE WHEN part = 'quarantine' THEN amount ELSE 0 END)                 AS quarantine_amount,
    SUM(CASE WHEN part = 'quarantine' THEN order_lines ELSE 0 END)            AS quarantine_lines,
    SUM(CASE WHEN part = 'non_merchandise' THEN amount ELSE 0 END)            AS non_merchandise_amount,
    SUM(CASE WHEN part = 'non_merchandise' THEN order_lines ELSE 0 END)       AS non_merchandise_lines,
    SUM(CASE WHEN part = 'return' THEN amount ELSE 0 END)                     AS return_amount,
    SUM(CASE WHEN part = 'return' THEN order_lines ELSE 0 END)                AS return_lines,
    SUM(CASE WHEN part = 'adjustment' THEN amount ELSE 0 END)                 AS adjustment_amount,
    SUM(CASE WHEN part = 'adjustment' THEN order_lines ELSE 0 END)            AS adjustment_lines,
    SUM(CASE WHEN part = 'sale' THEN amount ELSE 0 END)                       AS sale_amount,
    SUM(CASE WHEN part = 'sale' THEN amount_eur ELSE 0 END)                   AS sale_eur,
    SUM(CASE WHEN part = 'sale' THEN order_lines ELSE 0 END)                  AS sale_lines
  FROM parts GROUP BY source_system
)
SELECT source_system, 'gmv_eur' AS kpi, 1 AS step_no, 'raw' AS step, CAST(raw_amount AS DECIMAL(18, 4)) AS value FROM totals
UNION ALL SELECT source_system, 'gmv_eur', 2, 'duplicates', CAST(-duplicate_amount AS DECIMAL(18, 4)) FROM totals
UNION ALL SELECT source_system, 'gmv_eur', 3, 'quarantine', CAST(-quarantine_amount AS DECIMAL(18, 4)) FROM totals
UNION ALL SELECT source_system, 'gmv_eur', 4, 'returns', CAST(-return_amount AS DECIMAL(18, 4)) FROM totals
UNION ALL SELECT source_system, 'gmv_eur', 5, 'non_merchandise', CAST(-non_merchandise_amount AS DECIMAL(18, 4)) FROM totals
UNION ALL SELECT source_system, 'gmv_eur', 6, 'adjustments', CAST(-adjustment_amount AS DECIMAL(18, 4)) FROM totals
UNION ALL SELECT source_system, 'gmv_eur', 7, 'fx', CAST(sale_eur - sale_amount AS DECIMAL(18, 4)) FROM totals
UNION ALL SELECT source_system, 'gmv_eur', 8, 'clean', CAST(sale_eur AS DECIMAL(18, 4)) FROM totals
UNION ALL SELECT source_system, 'order_lines', 1, 'raw', CAST(raw_lines AS DECIMAL(18, 4)) FROM totals
UNION ALL SELECT source_system, 'order_lines', 2, 'duplicates', CAST(-duplicate_lines AS DECIMAL(18, 4)) FROM totals
UNION ALL SELECT source_system, 'order_lines', 3, 'quarantine', CAST(-quarantine_lines AS DECIMAL(18, 4)) FROM totals
UNION ALL SELECT source_system, 'order_lines', 4, 'returns', CAST(-return_lines AS DECIMAL(18, 4)) FROM totals
UNION ALL SELECT source_system, 'order_lines', 5, 'non_merchandise', CAST(-non_merchandise_lines AS DECIMAL(18, 4)) FROM totals
UNION ALL SELECT source_system, 'order_lines', 6, 'adjustments', CAST(-adjustment_lines AS DECIMAL(18, 4)) FROM totals
UNION ALL SELECT source_system, 'order_lines', 8, 'clean', CAST(sale_lines AS DECIMAL(18, 4)) FROM totals

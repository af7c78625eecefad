-- Grain: brand x KPI x step of the way from the raw export to the clean figure.
-- Inputs: clean order lines, duplicates, quarantine.
-- Questionable: `raw` is what summing every delivered line gives, read as if each number were euros; steps are signed, so
-- raw + all steps between = clean, exactly. Steps have the nine decimals of amounts, the last one (FX) lands on cents. Tax is
-- a step of brands whose prices include it.
WITH parts AS (
  SELECT
    source_system, line_type AS part,
    SUM(amount_original) AS amount, SUM(tax_original) AS tax, SUM(amount_eur) AS amount_eur, COUNT(*) AS order_lines
  FROM silver.sales_clean GROUP BY source_system, line_type
  UNION ALL
  SELECT source_system, 'duplicate', SUM(amount_original), 0, 0, COUNT(*) FROM silver.duplicates GROUP BY source_system
  UNION ALL
  SELECT source_system, 'quarantine', SUM(amount_original), 0, 0, COUNT(*) FROM silver.quarantine GROUP BY source_system
),
totals AS (
  SELECT
    source_system,
    SUM(COALESCE(amount, 0))                                                  AS raw_amount,
    SUM(order_lines)                                                          AS raw_lines,
    SUM(CASE WHEN part = 'duplicate' THEN amount ELSE 0 END)                  AS duplicate_amount,
    SUM(CASE WHEN part = 'duplicate' THEN order_lines ELSE 0 END)             AS duplicate_lines,
    SUM(CASE WHEN part = 'quarantine' THEN COALESCE(amount, 0) ELSE 0 END)    AS quarantine_amount,
    SUM(CASE WHEN part = 'quarantine' THEN order_lines ELSE 0 END)            AS quarantine_lines,
    SUM(CASE WHEN part = 'non_merchandise' THEN amount ELSE 0 END)            AS non_merchandise_amount,
    SUM(CASE WHEN part = 'non_merchandise' THEN order_lines ELSE 0 END)       AS non_merchandise_lines,
    SUM(CASE WHEN part = 'return' THEN amount ELSE 0 END)                     AS return_amount,
    SUM(CASE WHEN part = 'return' THEN order_lines ELSE 0 END)                AS return_lines,
    SUM(CASE WHEN part = 'adjustment' THEN amount ELSE 0 END)                 AS adjustment_amount,
    SUM(CASE WHEN part = 'adjustment' THEN order_lines ELSE 0 END)            AS adjustment_lines,
    SUM(CASE WHEN part = 'sale' THEN amount ELSE 0 END)                       AS sale_amount,
    SUM(CASE WHEN part = 'sale' THEN tax END)                                 AS sale_tax,
    SUM(CASE WHEN part = 'sale' THEN amount_eur ELSE 0 END)                   AS sale_eur,
    SUM(CASE WHEN part = 'sale' THEN order_lines ELSE 0 END)                  AS sale_lines
  FROM parts GROUP BY source_system
)
SELECT
  source_system, s.kpi,
  CASE WHEN sale_tax IS NULL AND s.step_no > 7 THEN s.step_no - 1 ELSE s.step_no END AS step_no,
  s.step, s.value
FROM (
  SELECT source_system, sale_tax, EXPLODE(ARRAY(
    STRUCT('gmv_eur' AS kpi, 1 AS step_no, 'raw' AS step, CAST(raw_amount AS DECIMAL(24, 9)) AS value),
    STRUCT('gmv_eur' AS kpi, 2 AS step_no, 'duplicates' AS step, CAST(-duplicate_amount AS DECIMAL(24, 9)) AS value),
    STRUCT('gmv_eur' AS kpi, 3 AS step_no, 'quarantine' AS step, CAST(-quarantine_amount AS DECIMAL(24, 9)) AS value),
    STRUCT('gmv_eur' AS kpi, 4 AS step_no, 'returns' AS step, CAST(-return_amount AS DECIMAL(24, 9)) AS value),
    STRUCT('gmv_eur' AS kpi, 5 AS step_no, 'non_merchandise' AS step, CAST(-non_merchandise_amount AS DECIMAL(24, 9)) AS value),
    STRUCT('gmv_eur' AS kpi, 6 AS step_no, 'adjustments' AS step, CAST(-adjustment_amount AS DECIMAL(24, 9)) AS value),
    STRUCT('gmv_eur' AS kpi, 7 AS step_no, 'tax' AS step, CAST(-sale_tax AS DECIMAL(24, 9)) AS value),
    STRUCT('gmv_eur' AS kpi, 8 AS step_no, 'fx' AS step, CAST(sale_eur - sale_amount + COALESCE(sale_tax, 0) AS DECIMAL(24, 9)) AS value),
    STRUCT('gmv_eur' AS kpi, 9 AS step_no, 'clean' AS step, CAST(sale_eur AS DECIMAL(24, 9)) AS value),
    STRUCT('order_lines' AS kpi, 1 AS step_no, 'raw' AS step, CAST(raw_lines AS DECIMAL(24, 9)) AS value),
    STRUCT('order_lines' AS kpi, 2 AS step_no, 'duplicates' AS step, CAST(-duplicate_lines AS DECIMAL(24, 9)) AS value),
    STRUCT('order_lines' AS kpi, 3 AS step_no, 'quarantine' AS step, CAST(-quarantine_lines AS DECIMAL(24, 9)) AS value),
    STRUCT('order_lines' AS kpi, 4 AS step_no, 'returns' AS step, CAST(-return_lines AS DECIMAL(24, 9)) AS value),
    STRUCT('order_lines' AS kpi, 5 AS step_no, 'non_merchandise' AS step, CAST(-non_merchandise_lines AS DECIMAL(24, 9)) AS value),
    STRUCT('order_lines' AS kpi, 6 AS step_no, 'adjustments' AS step, CAST(-adjustment_lines AS DECIMAL(24, 9)) AS value),
    STRUCT('order_lines' AS kpi, 9 AS step_no, 'clean' AS step, CAST(sale_lines AS DECIMAL(24, 9)) AS value)
  )) AS s
  FROM totals
) AS steps
WHERE s.step <> 'tax' OR s.value IS NOT NULL

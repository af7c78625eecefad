-- The way from the raw exports' figures to the clean ones: where a figure starts, what each step changes, where it ends.
SELECT source_system, kpi, step_no, step, value FROM gold.kpi_raw_vs_silver
WHERE $brand IS NULL OR source_system = $brand ORDER BY source_system, kpi, step_no

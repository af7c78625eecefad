-- From the raw exports' figures to the clean ones, step by step.
SELECT * FROM gold.kpi_raw_vs_silver ORDER BY source_system, kpi, step_no

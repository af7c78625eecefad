-- What is aimed at: by the scope's own brands, and by all together for who may see that.
SELECT kpi, brand AS source_system, period, CAST(value AS DECIMAL(20, 6)) AS target FROM mapping.targets
WHERE brand IN (SELECT source_system FROM gold.dim_brand) OR getvariable('is_group') AND brand = 'group'
ORDER BY ALL

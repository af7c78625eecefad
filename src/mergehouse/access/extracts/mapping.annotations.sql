-- What people note on days of the scope's own brands, and of all together for who may see that.
SELECT CAST(day AS DATE) AS day, brand AS source_system, who, text FROM mapping.annotations
WHERE brand IN (SELECT source_system FROM gold.dim_brand) OR getvariable('is_group') AND brand = 'group'
ORDER BY ALL

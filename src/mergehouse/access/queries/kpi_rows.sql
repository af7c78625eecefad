-- How many rows of each brand the KPIs' tables have.
SELECT 'gold.sales_daily' AS table_name, source_system, COUNT(*) AS rows FROM gold.sales_daily GROUP BY source_system
UNION ALL
SELECT 'gold.customer_brand_360', source_system, SUM(customers) FROM cube.segments WHERE source_system <> 'group'
GROUP BY source_system
ORDER BY ALL

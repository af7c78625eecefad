-- What is aimed at, by the brand or by all together.
SELECT source_system, kpi, period, target FROM mapping.targets WHERE $brand IS NULL OR source_system = $brand
ORDER BY ALL

-- How old each brand's data was at the last run.
SELECT * FROM monitor.freshness WHERE $brand IS NULL OR source_system = $brand ORDER BY source_system

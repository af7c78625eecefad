-- How many checks of each table hold.
SELECT
  table_name, COUNT(*) AS checks, COUNT_IF(passed) AS held, COUNT_IF(NOT passed AND severity = 'error') AS errors,
  COUNT_IF(NOT passed AND severity = 'warn') AS warnings, MAX(started) AS checked
FROM monitor.quality_results GROUP BY table_name ORDER BY table_name

-- What holds now: the newest result of each check. They are of whole tables, so of a scope that is cut by brand nothing.
SELECT * FROM monitor.quality_results
QUALIFY ROW_NUMBER() OVER (PARTITION BY table_name, check_name ORDER BY started DESC) = 1
ORDER BY passed, severity, table_name, check_name

-- The newest result of every check.
-- choose of: all = TRUE; findings = NOT passed
SELECT started, table_name, check_name, severity, failures, passed, why FROM monitor.quality_results WHERE {of}
ORDER BY passed, severity, table_name, check_name

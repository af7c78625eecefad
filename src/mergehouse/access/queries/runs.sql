-- The last runs.
SELECT run_id, started, seconds, ok, new_batches, tables_built, tables_failed, findings FROM monitor.runs
ORDER BY started DESC LIMIT 20

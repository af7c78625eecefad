-- How old each brand's data was at the last run.
SELECT * FROM monitor.freshness QUALIFY ROW_NUMBER() OVER (PARTITION BY source_system ORDER BY started DESC) = 1
ORDER BY source_system

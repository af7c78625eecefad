-- How old each brand's data was at the last run, and what the brand allows.
SELECT f.*, CAST(l.days AS INT) AS fresh_within_days
FROM monitor.freshness AS f LEFT JOIN mapping.fresh_days AS l USING (source_system)
QUALIFY ROW_NUMBER() OVER (PARTITION BY source_system ORDER BY started DESC) = 1 ORDER BY source_system

-- Whether customers are still like those that the models learned from.
SELECT * FROM gold.score_drift
QUALIFY scored_ts = MAX(scored_ts) OVER (PARTITION BY source_system) ORDER BY source_system, psi DESC, item

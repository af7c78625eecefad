-- How good the methods were at past cut-offs, by the last training.
SELECT * FROM gold.model_metrics
QUALIFY trained_ts = MAX(trained_ts) OVER (PARTITION BY source_system, target)
ORDER BY source_system, target, customer_group, metric, method, cutoff_date

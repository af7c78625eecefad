-- How good every method was at past cut-offs.
SELECT target, customer_group, method, cutoff_date, metric, customers, value, low, high, trained_ts FROM gold.model_metrics
WHERE source_system = $brand AND ($target IS NULL OR target = $target)
ORDER BY target, customer_group, metric, method, cutoff_date

-- How predictions at the last judged cut-off compare with what came.
SELECT target, curve, point_no, cutoff_date, x, y, low, high, customers FROM gold.model_curves
WHERE source_system = $brand AND ($target IS NULL OR target = $target) ORDER BY target, curve, point_no

-- One survival curve.
SELECT clock, customer_group, day, survival, low, high, at_risk FROM gold.survival_curves
WHERE source_system = $brand AND clock = $clock AND customer_group = $customer_group ORDER BY day

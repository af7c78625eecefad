-- What goes along with coming back sooner or later.
SELECT * FROM gold.hazard_ratios WHERE source_system = $brand AND period = 'whole' ORDER BY trait, step

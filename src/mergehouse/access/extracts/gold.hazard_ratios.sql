-- What goes along with coming back sooner or later.
SELECT * FROM gold.hazard_ratios ORDER BY source_system, trait, step, period

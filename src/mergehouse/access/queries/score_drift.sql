-- How far customers now are from those that the model learned from.
SELECT * FROM gold.score_drift WHERE source_system = $brand ORDER BY psi DESC, item

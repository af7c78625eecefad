-- Calibration and gains of the models.
SELECT * FROM gold.model_curves ORDER BY source_system, target, curve, point_no

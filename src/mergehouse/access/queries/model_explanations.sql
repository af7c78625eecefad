-- What moves the scores of active customers, the heaviest first.
-- choose kind: permutation = 'permutation'; coefficient = 'coefficient'; shap = 'shap'
SELECT model_name, model_version, method, input, trait, value, low, high FROM gold.model_explanations
WHERE source_system = $brand AND population = 'active' AND kind = {kind} AND method = $method
QUALIFY horizon_days = MAX(horizon_days) OVER () AND model_version = MAX(model_version) OVER (PARTITION BY model_name)
ORDER BY ABS(value) DESC, input

-- The model cards of a brand.
SELECT * FROM gold.model_cards WHERE source_system = $brand ORDER BY target

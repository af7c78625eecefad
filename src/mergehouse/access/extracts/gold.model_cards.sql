-- What each model is for, is made of and is worth.
SELECT * FROM gold.model_cards ORDER BY source_system, target

-- Which models were made champions, and why.
SELECT * FROM gold.model_promotions ORDER BY source_system, target, decided_ts DESC

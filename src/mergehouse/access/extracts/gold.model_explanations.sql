-- What moves the scores.
SELECT * FROM gold.model_explanations ORDER BY ALL

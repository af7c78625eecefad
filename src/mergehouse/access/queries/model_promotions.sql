-- Which versions became champions, newest decisions first.
SELECT * FROM gold.model_promotions WHERE source_system = $brand ORDER BY decided_ts DESC, target

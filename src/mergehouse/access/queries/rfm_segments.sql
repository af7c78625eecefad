-- Which segment each pair of scores makes.
SELECT CAST(r_score AS INT) AS r_score, CAST(f_score AS INT) AS f_score, segment FROM mapping.rfm_segments ORDER BY ALL

-- Which segment each pair of scores makes: the project's mapping.
SELECT r_score, f_score, segment FROM mapping.rfm_segments ORDER BY r_score DESC, f_score DESC

-- The pairs for review, the surest first, without what brands tell of them.
SELECT pair, source_system_a, customer_code_a, source_system_b, customer_code_b, reason
FROM lookup.identity_pairs
ORDER BY COALESCE(score, 0) DESC, source_system_a, customer_code_a, source_system_b, customer_code_b

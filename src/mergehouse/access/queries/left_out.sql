-- Delivered lines that are not in GMV, by step and reason.
SELECT source_system, step, reason, currency, lines, amount FROM cube.left_out
WHERE ($brand IS NULL OR source_system = $brand) AND ($step IS NULL OR step = $step)
ORDER BY source_system, step, lines DESC, reason, currency

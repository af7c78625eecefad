-- Some of these lines.
SELECT source_system, step, reason, order_id, order_date, product_code, amount_original, currency FROM lookup.left_out
WHERE ($brand IS NULL OR source_system = $brand) AND ($step IS NULL OR step = $step)
ORDER BY source_system, step, reason, order_date, order_id, product_code, amount_original

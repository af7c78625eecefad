-- Order lines as delivered, in the currencies of orders, by brand or month.
-- choose by: brand = source_system; month = month_start
SELECT
  source_system, currency, {by} AS part, SUM(lines) AS lines, SUM(negative_lines) AS negative_lines,
  SUM(lines_without_amount) AS lines_without_amount, SUM(amount) AS amount, SUM(billed) AS billed, SUM(returned) AS returned
FROM cube.raw_lines WHERE $brand IS NULL OR source_system = $brand GROUP BY ALL ORDER BY ALL

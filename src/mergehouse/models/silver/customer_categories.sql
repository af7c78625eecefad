-- Grain: one customer, brand and category bought.
-- Inputs: clean order lines.
-- Questionable: a table of its own, since customer tables and features count categories.
SELECT
  customer_id, source_system, category,
  MIN(order_date) AS first_order_date
FROM silver.sales_clean
WHERE customer_id IS NOT NULL AND line_type = 'sale'
GROUP BY customer_id, source_system, category

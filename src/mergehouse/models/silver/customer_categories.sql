-- Grain: one customer, brand and category bought.
-- Inputs: clean order lines.
-- Questionable: a table of its own, since both customer tables count categories.
SELECT DISTINCT customer_id, source_system, category
FROM silver.sales_clean
WHERE customer_id IS NOT NULL AND line_type = 'sale'

-- only: persons
-- Five of the lines of each reason.
WITH lines AS (
  SELECT source_system, 'quarantine' AS step, reason_code AS reason, order_id, order_date, product_code, amount_original, currency
  FROM silver.quarantine
  UNION ALL
  SELECT source_system, 'duplicates', kind, order_id, order_date, NULL, amount_original, currency FROM silver.duplicates
  UNION ALL
  SELECT
    source_system, CASE WHEN line_type = 'non_merchandise' THEN line_type ELSE line_type || 's' END,
    COALESCE(line_class, CASE WHEN line_type <> 'return' THEN line_type WHEN is_cancellation THEN 'cancellation' ELSE 'return' END),
    order_id, order_date, SUBSTRING(product_id, LENGTH(source_system) + 2), amount_original, currency
  FROM silver.sales_clean WHERE line_type <> 'sale'
)
SELECT * FROM lines
QUALIFY ROW_NUMBER() OVER (PARTITION BY source_system, step, reason ORDER BY order_date, order_id, product_code, amount_original) <= 5
ORDER BY source_system, step, reason, order_date, order_id, product_code, amount_original

-- Grain: one order that its customer returned whole.
-- Inputs: sale and return lines of known customers.
-- Questionable: exports do not say which order a return belongs to. The first return of a product in some quantity is taken to
-- undo the customer's first earlier sale of that product in that quantity, the second the second: what comes later changes nothing.
WITH numbered AS (
  SELECT
    l.source_system, l.customer_id, l.order_id, l.product_id, l.order_ts, l.order_date, l.line_type,
    ABS(l.quantity) AS units,
    ROW_NUMBER() OVER (
      PARTITION BY l.source_system, l.customer_id, l.product_id, l.line_type, ABS(l.quantity)
      ORDER BY l.order_ts, l.order_id, l.line_id, l.source_row
    ) AS place
  FROM silver.sales_clean AS l
  LEFT SEMI JOIN (
    SELECT source_system, customer_id, product_id FROM silver.sales_clean WHERE line_type = 'return' AND customer_id IS NOT NULL
  ) AS r ON r.source_system = l.source_system AND r.customer_id = l.customer_id AND r.product_id = l.product_id
  WHERE l.line_type IN ('sale', 'return')
)
SELECT
  s.source_system,
  s.order_id,
  s.customer_id,
  o.order_date,
  MAX(r.order_date) AS voided_on
FROM numbered AS s
JOIN numbered AS r
  ON r.source_system = s.source_system AND r.customer_id = s.customer_id AND r.product_id = s.product_id
  AND r.units = s.units AND r.place = s.place AND r.order_ts >= s.order_ts
JOIN silver.orders AS o ON o.source_system = s.source_system AND o.order_id = s.order_id AND o.customer_id = s.customer_id
WHERE s.line_type = 'sale' AND r.line_type = 'return'
GROUP BY s.source_system, s.order_id, s.customer_id, o.order_date
HAVING COUNT(*) = MAX(o.sale_lines)

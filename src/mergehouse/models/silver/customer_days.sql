-- Grain: one day on which one unified customer ordered or returned something at one brand.
-- Inputs: orders, their return lines of other days.
-- Questionable: a purchase is a day with a sale, whatever the number of orders: several orders of one day are one purchase.
-- Returns belong to the day on which they came back, also where they have the number of the order that they undo.
WITH moved AS (
  SELECT
    o.source_system, o.customer_id, o.order_date AS ordered_on, l.order_date AS returned_on,
    SUM(l.returns_eur) AS returns_eur, SUM(l.margin_eur) AS margin_eur
  FROM silver.sales_clean AS l
  JOIN silver.orders AS o ON o.source_system = l.source_system AND o.order_id = l.order_id AND o.customer_id = l.customer_id
  WHERE l.line_type = 'return' AND l.order_date <> o.order_date
  GROUP BY o.source_system, o.customer_id, o.order_date, l.order_date
),
parts AS (
  SELECT
    source_system, customer_id, order_date, is_sale, sale_lines, units, gmv_eur, returns_eur, discount_eur, margin_eur
  FROM silver.orders
  WHERE customer_id IS NOT NULL
  UNION ALL
  SELECT source_system, customer_id, ordered_on, FALSE, 0, 0, 0, -returns_eur, 0, -margin_eur FROM moved
  UNION ALL
  SELECT source_system, customer_id, returned_on, FALSE, 0, 0, 0, returns_eur, 0, margin_eur FROM moved
)
SELECT
  source_system, customer_id, order_date,
  COUNT_IF(is_sale) > 0   AS is_purchase,
  COUNT_IF(is_sale)       AS orders,
  SUM(sale_lines)         AS sale_lines,
  SUM(units)              AS units,
  SUM(gmv_eur)            AS gmv_eur,
  SUM(returns_eur)        AS returns_eur,
  SUM(discount_eur)       AS discount_eur,
  SUM(margin_eur)         AS margin_eur
FROM parts
GROUP BY source_system, customer_id, order_date

-- Grain: one day on which one unified customer ordered or returned something at one brand.
-- Inputs: orders.
-- Questionable: a purchase is a day with a sale, whatever the number of orders: several orders of one day are one purchase.
-- Returns belong to the day on which they came back.
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
FROM silver.orders
WHERE customer_id IS NOT NULL
GROUP BY source_system, customer_id, order_date

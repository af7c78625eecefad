-- Grain: one brand.
-- Inputs: brand settings, orders.
-- Questionable: the as-of date is the brand's own: as configured, else the day after its last order with a sale.
SELECT
  b.source_system,
  b.label,
  b.currency,
  b.timezone,
  o.first_order_date,
  o.last_order_date,
  COALESCE(CAST(b.as_of AS DATE), CAST(o.last_order_date + INTERVAL 1 DAY AS DATE)) AS as_of_date
FROM mapping.brands AS b
LEFT JOIN (
  SELECT source_system, MIN(order_date) AS first_order_date, MAX(order_date) AS last_order_date
  FROM silver.orders WHERE is_sale GROUP BY source_system
) AS o ON o.source_system = b.source_system

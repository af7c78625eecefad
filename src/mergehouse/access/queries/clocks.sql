-- The brands of the scope, each with the days its data cover. A scope that has sales and not their brand's dates, since it is cut by
-- country, goes by its own last day; that its last order is early says nothing of the brand's exports.
WITH sold AS (
  SELECT source_system, MIN(order_date) AS first_day, MAX(order_date) AS last_day FROM gold.sales_daily GROUP BY source_system
)
SELECT
  source_system, COALESCE(b.label, n.label, source_system) AS label, b.currency, b.timezone,
  COALESCE(b.first_order_date, s.first_day) AS first_day, s.last_day,
  CASE WHEN b.as_of_date IS NOT NULL THEN o.last_order_ts END AS last_order_ts,
  COALESCE(b.as_of_date, s.last_day + 1) AS as_of_date, COALESCE(b.churn_after_days, n.churn_after_days) AS churn_after_days
FROM gold.dim_brand AS b FULL JOIN sold AS s USING (source_system) LEFT JOIN cube.last_orders AS o USING (source_system)
LEFT JOIN mapping.brands AS n USING (source_system)
ORDER BY label, source_system

-- The brands of the scope, each with the days its data cover. A scope that has sales and not their brand's settings, since it is
-- cut by country, goes by its own last day.
SELECT
  source_system, COALESCE(b.label, source_system) AS label, b.currency, b.timezone,
  COALESCE(b.first_order_date, c.first_day) AS first_day, c.last_day, c.last_order_ts,
  COALESCE(b.as_of_date, c.last_day + 1) AS as_of_date, b.churn_after_days
FROM gold.dim_brand AS b FULL JOIN cube.clocks AS c USING (source_system) ORDER BY label, source_system

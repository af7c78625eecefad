-- Grain: one customer number of one brand that order lines carry.
-- Inputs: order lines, the unusable ones too: their customers are customers.
-- Questionable: the country is that of the last line that names one, not of the last line. Order lines are the largest table
-- there is: what customers need of them is worked out once, here.
SELECT
  source_system,
  customer_code,
  MIN(CASE WHEN order_ts IS NOT NULL THEN order_date END)  AS first_seen,
  MAX_BY(country, CASE WHEN country IS NOT NULL AND order_ts IS NOT NULL THEN STRUCT(order_ts, country) END) AS country
FROM silver.order_lines
WHERE customer_code IS NOT NULL
GROUP BY source_system, customer_code

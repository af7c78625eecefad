-- Customers by the month of their first purchase, and how many bought again so many months later.
-- by brand
-- joined below five: source_system; month_no; cohort_month
WITH months AS (
  SELECT DISTINCT source_system, customer_id, CAST(date_trunc('month', order_date) AS DATE) AS month_start
  FROM silver.customer_days WHERE is_purchase
),
cohorts AS (
  SELECT source_system, MIN(month_start) AS cohort_month, UNNEST(LIST(month_start)) AS month_start
  FROM months GROUP BY source_system, customer_id
)
SELECT
  source_system, cohort_month, CAST(date_diff('month', cohort_month, month_start) AS INT) AS month_no,
  COUNT(*) AS customers
FROM cohorts GROUP BY ALL ORDER BY ALL

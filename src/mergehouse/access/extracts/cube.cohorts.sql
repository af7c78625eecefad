-- Customers by the month of their first purchase (month 0), and how many of these bought again so many months later.
-- by brand
-- joined below five: source_system; month_no; cohort_month
-- counted in two parts: came_back
WITH months AS (
  SELECT DISTINCT source_system, customer_id, CAST(date_trunc('month', order_date) AS DATE) AS month_start
  FROM silver.customer_days WHERE is_purchase
),
cohorts AS (
  SELECT source_system, MIN(month_start) AS cohort_month, UNNEST(LIST(month_start)) AS month_start
  FROM months GROUP BY source_system, customer_id
),
counted AS (
  SELECT
    source_system, cohort_month, CAST(date_diff('month', cohort_month, month_start) AS INT) AS month_no, COUNT(*) AS bought
  FROM cohorts GROUP BY ALL
)
SELECT
  source_system, cohort_month, month_no, MAX(bought) OVER (PARTITION BY source_system, cohort_month) AS customers,
  CASE WHEN month_no > 0 THEN bought END AS came_back
FROM counted ORDER BY ALL

-- Customers of a brand by the month of their first purchase, and how many bought so many months later. `is_over`: that month
-- has ended; else more may still buy in it.
SELECT
  c.cohort_month, c.month_no, c.customers,
  (c.cohort_month + to_months(c.month_no + 1))::DATE <= b.as_of_date AS is_over
FROM cube.cohorts AS c JOIN gold.dim_brand AS b USING (source_system)
WHERE c.source_system = $brand AND c.cohort_month IS NOT NULL AND c.month_no IS NOT NULL
ORDER BY cohort_month, month_no

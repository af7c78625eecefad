-- Customers of a brand by the month of their first purchase, and how many bought so many months later.
SELECT cohort_month, month_no, COALESCE(came_back, customers) AS customers FROM cube.cohorts
WHERE source_system = $brand AND cohort_month IS NOT NULL AND month_no IS NOT NULL
ORDER BY cohort_month, month_no

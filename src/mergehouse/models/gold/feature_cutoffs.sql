-- Grain: one brand and day up to which its customers are looked at.
-- Inputs: brands' first orders and as-of dates, the calendar.
-- Questionable: the first of every month once a brand has 60 days of history, and its as-of date. Scores need every customer,
-- training does not: before the as-of date some 50,000 customers are looked at (65,536 / 50,000 of all first digits of a hash of their id).
WITH size AS (SELECT source_system, COUNT(DISTINCT customer_id) AS customers FROM silver.customers_clean GROUP BY source_system)
SELECT
  b.source_system,
  d.date                                                                 AS cutoff_date,
  d.date = b.as_of_date                                                  AS is_as_of,
  CASE
    WHEN d.date = b.as_of_date OR s.customers <= 50000 THEN 'g'
    ELSE LPAD(LOWER(HEX(CAST(3276800000 DIV s.customers AS BIGINT))), 4, '0')
  END                                                                    AS hashes_below
FROM gold.dim_brand AS b
JOIN gold.dim_date AS d ON d.date = b.as_of_date OR (
  d.day = 1 AND d.date < b.as_of_date AND d.date >= CAST(b.first_order_date + INTERVAL 60 DAY AS DATE)
)
JOIN size AS s ON s.source_system = b.source_system
WHERE b.first_order_date IS NOT NULL

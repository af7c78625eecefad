-- Grain: one calendar day.
-- Inputs: the days of all orders, brands' as-of dates.
-- Questionable: whole calendar years, so that year-on-year figures find both sides; weeks are ISO 8601.
WITH bounds AS (
  SELECT MIN(date) AS low, MAX(date) AS high FROM (
    SELECT order_date AS date FROM silver.orders UNION ALL SELECT as_of_date FROM gold.dim_brand
  ) AS known
),
days AS (
  SELECT CAST(day AS DATE) AS date FROM (
    SELECT EXPLODE(SEQUENCE(MAKE_DATE(YEAR(low), 1, 1), MAKE_DATE(YEAR(high), 12, 31), INTERVAL 1 DAY)) AS day FROM bounds
  ) AS every
)
SELECT
  date,
  YEAR(date)                                                         AS year,
  QUARTER(date)                                                      AS quarter,
  MONTH(date)                                                        AS month,
  DAY(date)                                                          AS day,
  CAST(DATE_TRUNC('MONTH', date) AS DATE)                            AS month_start,
  DATE_FORMAT(date, 'yyyy-MM')                                       AS year_month,
  WEEKOFYEAR(date)                                                   AS iso_week,
  DATEDIFF(date, DATE'1970-01-05') % 7 + 1                                   AS iso_weekday,
  DATE_FORMAT(date, 'EEEE')                                          AS weekday_name,
  DATEDIFF(date, DATE'1970-01-05') % 7 + 1 >= 6                              AS is_weekend
FROM days

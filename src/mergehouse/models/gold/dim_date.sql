-- Grain: one calendar day.
-- Inputs: the days of all order lines, which may be later ones than their orders', brands' as-of dates.
-- Questionable: whole calendar years, so that year-on-year figures find both sides; weeks are ISO 8601; a fiscal year is called
-- after the calendar year that it ends in.
WITH bounds AS (
  SELECT LEAST(o.low, b.low) AS low, GREATEST(o.high, b.high) AS high
  FROM (SELECT MIN(order_date) AS low, MAX(order_date) AS high FROM silver.sales_clean) AS o
  CROSS JOIN (SELECT MIN(as_of_date) AS low, MAX(as_of_date) AS high FROM gold.dim_brand) AS b
),
every AS (
  SELECT CAST(day AS DATE) AS date FROM (
    SELECT EXPLODE(SEQUENCE(MAKE_DATE(YEAR(low), 1, 1), MAKE_DATE(YEAR(high), 12, 31), INTERVAL 1 DAY)) AS day FROM bounds
  ) AS exploded
),
days AS (
  SELECT e.date, ADD_MONTHS(CAST(DATE_TRUNC('MONTH', e.date) AS DATE), (13 - CAST(f.starts AS INT)) % 12) AS fiscal
  FROM every AS e CROSS JOIN mapping.fiscal_years AS f
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
  DATEDIFF(date, DATE'1970-01-05') % 7 + 1 >= 6                              AS is_weekend,
  YEAR(fiscal)                                                       AS fiscal_year,
  QUARTER(fiscal)                                                    AS fiscal_quarter,
  MONTH(fiscal)                                                      AS fiscal_month
FROM days

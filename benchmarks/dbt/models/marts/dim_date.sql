SELECT
  day::DATE AS date, YEAR(day) AS year, QUARTER(day) AS quarter, MONTH(day) AS month, DATE_TRUNC('month', day)::DATE AS month_start,
  WEEKOFYEAR(day) AS iso_week, ISODOW(day) AS iso_weekday, ISODOW(day) >= 6 AS is_weekend
FROM (
  SELECT UNNEST(GENERATE_SERIES(DATE_TRUNC('year', MIN(order_date)), DATE_TRUNC('year', MAX(order_date)) + INTERVAL 1 YEAR, INTERVAL 1 DAY)) AS day
  FROM {{ ref('fct_order_lines') }}
)

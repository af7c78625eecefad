-- Sales KPIs of a brand in blocks of seven days that end with the day before its as-of date: block 0 is the last, -1 the
-- one before.
SELECT
  s.source_system, -CAST(FLOOR(date_diff('day', s.order_date, b.as_of_date - 1) / 7) AS INT) AS block,
  {measures of gold.sales_daily}
FROM gold.sales_daily AS s JOIN gold.dim_brand AS b USING (source_system)
WHERE
  s.order_date < b.as_of_date AND ($brand IS NULL OR s.source_system = $brand) AND ($region IS NULL OR s.region = $region)
  AND ($country IS NULL OR s.country_code = $country)
GROUP BY ALL ORDER BY ALL

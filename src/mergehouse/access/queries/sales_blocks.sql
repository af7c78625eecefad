-- Sales KPIs of a period in blocks of so many days: block 0 begins with the period.
SELECT
  CAST(FLOOR(date_diff('day', $since::DATE, order_date) / $length) AS INT) AS block, {measures of gold.sales_daily}
FROM gold.sales_daily
WHERE
  source_system = $brand AND order_date BETWEEN $since AND $until AND ($region IS NULL OR region = $region)
  AND ($country IS NULL OR country_code = $country)
GROUP BY 1 ORDER BY 1

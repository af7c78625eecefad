-- Sales KPIs of a period, cut by one thing.
-- choose by: all = 'all'; brand = source_system; region = region; country = country_code; day = order_date; week = CAST(date_trunc('week', order_date) AS DATE); month = CAST(date_trunc('month', order_date) AS DATE); weekday = isodow(order_date)
SELECT
  {by} AS part, {measures of gold.sales_daily},
  CASE WHEN COUNT(DISTINCT NULLIF(margin_method, 'none')) = 1 THEN MIN(NULLIF(margin_method, 'none')) ELSE 'mixed' END
  AS margin_method, COUNT(DISTINCT order_date) AS days
FROM gold.sales_daily
WHERE
  ($brand IS NULL OR source_system = $brand) AND ($region IS NULL OR region = $region)
  AND ($country IS NULL OR country_code = $country) AND ($since IS NULL OR order_date >= $since)
  AND ($until IS NULL OR order_date <= $until)
GROUP BY 1 ORDER BY 1

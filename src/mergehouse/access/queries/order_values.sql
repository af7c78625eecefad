-- Sums and sums of squares over the orders and return documents of a period.
SELECT
  SUM(orders) AS orders, SUM(documents) AS documents, SUM(gmv) AS gmv, SUM(returned) AS returned,
  SUM(gmv_squared) AS gmv_squared, SUM(returned_squared) AS returned_squared, SUM(gmv_by_returned) AS gmv_by_returned
FROM cube.order_values
WHERE
  source_system = $brand AND ($region IS NULL OR region = $region) AND ($country IS NULL OR country_code = $country)
  AND ($since IS NULL OR order_date >= $since) AND ($until IS NULL OR order_date <= $until)

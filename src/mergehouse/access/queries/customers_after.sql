-- Customers in the order of their keys, those after one of them.
SELECT * FROM gold.customer_brand_360
WHERE
  ($after_key IS NULL OR customer_id > $after_key OR (customer_id = $after_key AND source_system > $after_brand))
  AND ($brand IS NULL OR source_system = $brand) AND ($region IS NULL OR region = $region)
  AND ($country IS NULL OR country_code = $country) AND ($segment IS NULL OR segment = $segment)
ORDER BY customer_id, source_system LIMIT $size

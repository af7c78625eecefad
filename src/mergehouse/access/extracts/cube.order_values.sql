-- Sums and sums of squares of what orders and return documents are worth, by day and country: from them comes how far an average
-- or a rate may be off by chance, over any period, without single orders.
-- by brand
SELECT
  source_system, order_date, country_code, region, COUNT_IF(is_sale) AS orders, COUNT(*) AS documents,
  CAST(SUM(gmv_eur) AS DOUBLE) AS gmv, CAST(SUM(returns_eur) AS DOUBLE) AS returned,
  CAST(SUM(gmv_eur * gmv_eur) AS DOUBLE) AS gmv_squared, CAST(SUM(returns_eur * returns_eur) AS DOUBLE) AS returned_squared,
  CAST(SUM(gmv_eur * returns_eur) AS DOUBLE) AS gmv_by_returned
FROM silver.orders WHERE gmv_eur <> 0 OR returns_eur <> 0 OR is_sale GROUP BY ALL ORDER BY source_system, order_date, country_code

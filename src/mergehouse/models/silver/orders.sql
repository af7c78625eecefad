-- Grain: one order or document of one brand.
-- Inputs: clean order lines.
-- Questionable: an order whose lines carry two times (a few do, by a minute) belongs to its first sale; one without sales, to its
-- first line.
SELECT
  source_system,
  order_id,
  COALESCE(MIN(CASE WHEN line_type = 'sale' THEN order_ts END), MIN(order_ts))     AS order_ts,
  COALESCE(MIN(CASE WHEN line_type = 'sale' THEN order_date END), MIN(order_date)) AS order_date,
  MIN(customer_id)                                                           AS customer_id,
  MIN(country_code)                                                          AS country_code,
  MIN_BY(region, country_code)                                               AS region,
  MIN(channel)                                                               AS channel,
  COUNT_IF(line_type = 'sale') > 0                                           AS is_sale,
  COUNT(*)                                                                   AS order_lines,
  COUNT_IF(line_type = 'sale')                                               AS sale_lines,
  SUM(units)                                                                 AS units,
  SUM(gmv_eur)                                                               AS gmv_eur,
  SUM(returns_eur)                                                           AS returns_eur,
  SUM(margin_eur)                                                            AS margin_eur,
  SUM(CASE
    WHEN line_type = 'sale' AND list_price > unit_price
    THEN CASE
      WHEN tax_original IS NOT NULL OR ABS(near_discount) < 1000000000 AND ABS(near_discount * 100 - ROUND(near_discount * 100)) < 0.49
      THEN CAST(near_discount AS DECIMAL(18, 2))
      ELSE CAST(CAST((list_price - unit_price) * quantity AS DECIMAL(24, 10)) * fx_rate AS DECIMAL(18, 2))
    END ELSE 0
  END)                                                                       AS discount_eur,
  SUM(CASE WHEN line_type = 'non_merchandise' THEN amount_eur ELSE 0 END)    AS non_merchandise_eur,
  COALESCE(
    MIN(customer_id) <> MAX(customer_id) OR COUNT_IF(customer_id IS NULL AND line_type IN ('sale', 'return')) > 0 AND MIN(customer_id) IS NOT NULL
    OR MIN(currency) <> MAX(currency) OR MIN(channel) <> MAX(channel) OR MIN(country_code) <> MAX(country_code)
    OR MIN(CASE WHEN line_type = 'sale' THEN order_ts END) + INTERVAL 6 HOUR
      < MAX(CASE WHEN line_type = 'sale' THEN order_ts END),
    FALSE
  )                                                                          AS is_mixed,
  MIN(batch_id) <> MAX(batch_id)                                             AS is_of_several_deliveries
FROM (
  SELECT -- as amounts are: a float, unless it is near half a cent
    *,
    CASE WHEN list_price > unit_price THEN
      CAST(list_price - unit_price AS DOUBLE) * CAST(quantity AS DOUBLE) * CAST(fx_rate AS DOUBLE)
      * CASE WHEN tax_original IS NULL THEN 1 ELSE 1 - CAST(tax_original AS DOUBLE) / NULLIF(CAST(amount_original AS DOUBLE), 0) END
    END AS near_discount
  FROM silver.sales_clean
) AS lines
GROUP BY source_system, order_id

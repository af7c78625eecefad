SELECT
  UPPER(TRIM(invoice))                                       AS order_id,
  COALESCE(
    TRY_STRPTIME(invoice_date, '%Y-%m-%d %H:%M:%S'),
    TRY_STRPTIME(invoice_date, '%m/%d/%Y %H:%M')
  )                                                          AS order_ts,
  UPPER(TRIM(stock_code))                                    AS product_code,
  TRIM(description)                                          AS product_name,
  TRY_CAST(quantity AS DECIMAL(18, 3))                       AS quantity,
  TRY_CAST(price AS DECIMAL(18, 4))                          AS unit_price,
  NULLIF(REGEXP_REPLACE(TRIM(customer_id), '\.0$', ''), '')  AS customer_code,
  UPPER(TRIM(country))                                       AS country
FROM READ_CSV(
  '{{ env_var("RAW") }}/eurostyle/*.csv', header = true, all_varchar = true, ignore_errors = true,
  names = ['invoice', 'stock_code', 'description', 'quantity', 'invoice_date', 'price', 'customer_id', 'country']
)

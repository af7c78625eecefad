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
  '{{ env_var("RAW") }}/eurostyle/online*.csv', header = true, auto_detect = false, delim = ',', quote = '"', ignore_errors = true,
  columns = {
    'invoice': 'VARCHAR', 'stock_code': 'VARCHAR', 'description': 'VARCHAR', 'quantity': 'VARCHAR', 'invoice_date': 'VARCHAR',
    'price': 'VARCHAR', 'customer_id': 'VARCHAR', 'country': 'VARCHAR'
  }
)

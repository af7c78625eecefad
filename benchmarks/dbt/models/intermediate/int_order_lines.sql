SELECT
  'eurostyle'                                          AS source_system,
  order_id, NULL AS line_id, order_ts, CAST(order_ts AS DATE) AS order_date,
  product_code, product_name, quantity, unit_price, NULL AS list_price,
  CAST(quantity * unit_price AS DECIMAL(18, 4))        AS amount_original,
  'GBP' AS currency, customer_code, country, NULL AS channel, order_id LIKE 'C%' AS is_cancellation
FROM {{ ref('int_eurostyle__order_lines') }}
UNION ALL
SELECT
  'contoso', order_id, line_id, CAST(order_date AS TIMESTAMP), order_date, product_code, NULL, quantity, unit_price, list_price,
  amount, 'EUR', customer_code, country, channel, FALSE
FROM {{ ref('int_contoso__order_lines') }}

SELECT
  source_system, order_id, MIN(order_ts) AS order_ts, MIN(order_date) AS order_date, MIN(customer_id) AS customer_id,
  MIN(country_code) AS country_code, MIN_BY(region, country_code) AS region, MIN(channel) AS channel,
  BOOL_OR(line_type = 'sale') AS is_sale, COUNT(*) AS order_lines, SUM(units) AS units, SUM(gmv_eur) AS gmv_eur,
  SUM(returns_eur) AS returns_eur, SUM(margin_eur) AS margin_eur
FROM {{ ref('fct_order_lines') }}
GROUP BY source_system, order_id

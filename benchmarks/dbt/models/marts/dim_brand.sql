SELECT source_system, MIN(order_date) AS first_order_date, MAX(order_date) AS last_order_date, MAX(order_date) + 1 AS as_of_date
FROM {{ ref('fct_orders') }} WHERE is_sale GROUP BY source_system

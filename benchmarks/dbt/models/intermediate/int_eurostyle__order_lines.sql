-- What can be used, each fact once.
SELECT DISTINCT *
FROM {{ ref('stg_eurostyle__sales') }}
WHERE order_ts IS NOT NULL AND quantity IS NOT NULL AND unit_price IS NOT NULL AND product_code IS NOT NULL
  AND order_ts < CURRENT_DATE + INTERVAL 2 DAY

-- A code's name is the one used most on priced lines.
SELECT source_system, product_code, product_name
FROM (
  SELECT source_system, product_code, product_name, COUNT(*) FILTER (quantity > 0 AND unit_price > 0) AS sales
  FROM {{ ref('int_order_lines') }}
  WHERE product_name IS NOT NULL
  GROUP BY ALL
)
QUALIFY ROW_NUMBER() OVER (PARTITION BY source_system, product_code ORDER BY sales DESC, product_name) = 1

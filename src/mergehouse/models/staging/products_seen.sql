-- Grain: one product code of one brand that occurs on an order line.
-- Inputs: the names of each month.
-- Questionable: a code's name is the one most often used on priced lines (ties: the first in the alphabet), since
-- unpriced stock entries carry remarks such as "damaged" in the name.
WITH names AS (
  SELECT source_system, product_code, NULLIF(product_name, '') AS product_name, SUM(sales) AS sales, MIN(first_seen) AS first_seen,
    MIN(COALESCE(line_class, '')) AS line_class
  FROM silver.product_months
  GROUP BY source_system, product_code, product_name
)
SELECT
  source_system,
  product_code,
  MIN(first_seen) AS first_seen,
  NULLIF(MIN(line_class), '') AS line_class, -- where some of its lines are goods, the product is
  MAX(CASE WHEN place = 1 THEN product_name END) AS product_name
FROM (
  SELECT
    *,
    ROW_NUMBER() OVER (
      PARTITION BY source_system, product_code
      ORDER BY CASE WHEN product_name IS NULL THEN 1 ELSE 0 END, sales DESC, product_name
    ) AS place
  FROM names
) AS ranked
GROUP BY source_system, product_code

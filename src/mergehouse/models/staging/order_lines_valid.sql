-- Grain: one order line that is valid and repeats no other.
-- Inputs: the order lines that count, products, countries, customers that are united.
-- Questionable: what a line is: non-merchandise where its brand says so or by its product code, else an adjustment where no
-- money changes hands, else a return where its document is a cancellation or its quantity, price or amount is negative, else a
-- sale. Exports write returns in all these ways, so money and cost of a return are negative whatever the signs: it never raises
-- net revenue. Money is without the tax that a brand's prices include.
WITH known AS (
  SELECT
    l.*,
    COALESCE(x.customer_id, CONCAT(l.source_system, ':', l.customer_code)) AS customer_id,
    COALESCE(n.country_code, 'ZZ')                                         AS country_code,
    COALESCE(n.region, 'Rest of world')                                    AS region,
    CASE WHEN l.line_class IS NULL THEN p.department ELSE 'Non-merchandise' END AS department,
    CASE WHEN l.line_class IS NULL THEN p.category ELSE 'Non-merchandise' END   AS category,
    p.line_class AS product_class, p.product_id, p.unit_cost AS catalogue_cost, p.cost_rate,
    CASE -- unit costs are in the catalogue's currency
      WHEN p.currency = l.currency THEN l.fx_rate
      WHEN p.currency = 'EUR' THEN 1
      ELSE c.rate_eur
    END AS cost_fx_rate,
    CASE
      WHEN l.line_class IS NOT NULL OR p.line_class IS NOT NULL THEN 'non_merchandise'
      WHEN l.amount_original = 0 THEN 'adjustment'
      WHEN l.amount_original < 0 OR l.quantity < 0 OR l.unit_price < 0 OR l.is_cancellation THEN 'return'
      ELSE 'sale'
    END AS line_type
  FROM staging.order_lines_counted AS l
  JOIN silver.products_clean AS p ON p.source_system = l.source_system AND p.product_code = l.product_code
  LEFT JOIN staging.country_names AS n ON n.spelling = l.country
  LEFT JOIN (
    SELECT source_system, source_customer_id, customer_id FROM silver.customer_xref
    WHERE customer_id <> CONCAT(source_system, ':', source_customer_id)
  ) AS x ON x.source_system = l.source_system AND x.source_customer_id = l.customer_code
  LEFT JOIN (
    SELECT currency, rate_date, rate_eur FROM silver.fx_rates_eur WHERE currency <> 'EUR' AND currency IN (SELECT currency FROM mapping.brands)
  ) AS c ON c.currency = CASE WHEN p.currency <> l.currency THEN p.currency END AND c.rate_date = l.order_date -- NULL is looked up nowhere
),
directed AS (
  SELECT
    *,
    CASE WHEN line_type = 'return' THEN -ABS(quantity) ELSE quantity END     AS quantity_directed,
    CASE WHEN line_type = 'return' THEN -ABS(net) ELSE net END               AS amount_directed,
    CASE WHEN line_type = 'return' THEN -cost_original ELSE cost_original END AS cost_directed,
    CASE WHEN cost_fx_rate IS NOT NULL THEN catalogue_cost END               AS unit_cost
  FROM (
    SELECT *, CASE WHEN tax_original IS NULL THEN amount_original ELSE CAST(amount_original - tax_original AS DECIMAL(20, 9)) END AS net
    FROM known
  ) AS untaxed
)
SELECT
  *,
  CASE
    WHEN ABS(near_eur) < 1000000000 AND ABS(near_eur * 100 - ROUND(near_eur * 100)) < 0.49 THEN CAST(near_eur AS DECIMAL(18, 2))
    ELSE CAST(amount_directed * fx_rate AS DECIMAL(18, 2))
  END AS amount_eur
FROM (
  -- a float tells the cent, unless it is near a half: a hundred times faster than rounding a wide decimal
  SELECT *, CAST(amount_directed AS DOUBLE) * CAST(fx_rate AS DOUBLE) AS near_eur FROM directed
) AS near

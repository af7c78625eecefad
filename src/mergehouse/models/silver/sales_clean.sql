-- Grain: one order line, as the customer was billed.
-- Inputs: valid order lines that repeat no other, with their product, country and unified customer.
-- Questionable: lines of merchandise without an amount are `adjustment`: stock corrections and gifts move goods but are no
-- sales. Non-merchandise wins over return and adjustment. Cost carries the sign of the amount in euros.
WITH costed AS (
  SELECT
    *,
    CASE WHEN line_type IN ('sale', 'return') THEN
      CASE
        WHEN ABS(near_cost) < 1000000000 AND ABS(near_cost * 100 - ROUND(near_cost * 100)) < 0.49 THEN CAST(near_cost AS DECIMAL(18, 2))
        WHEN cost_directed IS NOT NULL THEN CAST(cost_directed * fx_rate AS DECIMAL(18, 2))
        WHEN unit_cost IS NULL THEN CAST(amount_directed * fx_rate * cost_rate AS DECIMAL(18, 2))
        ELSE CAST(CAST(quantity_directed * unit_cost AS DECIMAL(24, 10)) * cost_fx_rate AS DECIMAL(18, 2))
      END
    END AS cost_eur
  FROM (
    SELECT -- as amounts are: a float, unless it is near half a cent
      *,
      CASE
        WHEN cost_directed IS NOT NULL THEN CAST(cost_directed AS DOUBLE) * CAST(fx_rate AS DOUBLE)
        WHEN unit_cost IS NULL THEN CAST(amount_directed AS DOUBLE) * CAST(cost_rate AS DOUBLE) * CAST(fx_rate AS DOUBLE)
        ELSE CAST(quantity_directed AS DOUBLE) * CAST(unit_cost AS DOUBLE) * CAST(cost_fx_rate AS DOUBLE)
      END AS near_cost
    FROM staging.order_lines_valid
  ) AS valid
)
SELECT
  source_system,
  order_id,
  line_id,
  order_ts,
  order_date,
  order_month,
  customer_id,
  customer_code                                      AS source_customer_id,
  product_id,
  department,
  category,
  line_type,
  COALESCE(line_class, product_class)                AS line_class,
  quantity,
  unit_of_measure,
  CASE WHEN line_type = 'sale' AND unit_of_measure IS NULL THEN quantity ELSE 0 END  AS units,
  unit_price,
  list_price,
  currency,
  amount_original,
  tax_original,
  fx_rate,
  fx_rate_date,
  amount_eur,
  CASE WHEN line_type = 'sale' THEN amount_eur ELSE 0 END                            AS gmv_eur,
  CASE WHEN line_type = 'return' THEN -amount_eur ELSE 0 END                         AS returns_eur,
  cost_eur,
  CASE WHEN line_type IN ('sale', 'return') THEN amount_eur - cost_eur ELSE 0 END    AS margin_eur,
  CASE
    WHEN line_type NOT IN ('sale', 'return') THEN NULL
    WHEN cost_directed IS NULL AND unit_cost IS NULL THEN 'estimated'
    ELSE 'actual'
  END                                                                                AS margin_method,
  country_code,
  region,
  channel,
  is_cancellation,
  batch_id,
  source_row,
  line_part
FROM costed

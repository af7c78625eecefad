-- Grain: one order line, as the customer was billed.
-- Inputs: valid order lines that repeat no other, products, countries, unified customers.
-- Questionable: zero-amount and negative-price lines of merchandise are `adjustment`: stock corrections and gifts move goods
-- but are no sales. Non-merchandise wins over return and adjustment. Cost carries the sign of the quantity.
SELECT
  l.source_system,
  l.order_id,
  l.line_id,
  TO_UTC_TIMESTAMP(l.order_local_ts, l.timezone)     AS order_ts,
  l.order_date,
  x.customer_id,
  l.customer_code                                    AS source_customer_id,
  l.product_id,
  l.product_code,
  l.department,
  l.category,
  l.line_type,
  l.line_class,
  l.quantity,
  l.unit_price,
  l.list_price,
  l.currency,
  l.amount_original,
  l.fx_rate,
  l.fx_rate_date,
  l.amount_eur,
  CASE WHEN l.line_type IN ('sale', 'return') THEN
    CAST(
      CASE
        WHEN l.unit_cost IS NOT NULL THEN CAST(CAST(l.quantity AS DECIMAL(19, 3)) * l.unit_cost AS DECIMAL(19, 4)) * l.fx_rate
        ELSE CAST(l.amount_eur AS DECIMAL(19, 2)) * l.cost_rate
      END AS DECIMAL(18, 2)
    )
  END                                                AS cost_eur,
  CASE WHEN l.line_type IN ('sale', 'return') THEN l.margin_method END AS margin_method,
  COALESCE(n.country_code, 'ZZ')                     AS country_code,
  COALESCE(n.region, 'Rest of world')                AS region,
  l.channel,
  COALESCE(l.is_cancellation, FALSE)                 AS is_cancellation,
  l.batch_id,
  l.source_row
FROM staging.order_lines_valid AS l
LEFT JOIN staging.country_names AS n ON n.spelling = UPPER(TRIM(l.country))
LEFT JOIN silver.customer_xref AS x ON x.source_system = l.source_system AND x.source_customer_id = l.customer_code

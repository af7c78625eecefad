-- Grain: one delivered order line, as in staging.order_lines.
-- Inputs: order lines of all brands, the daily euro rates.
-- Questionable: `content` is all that a line says. It stands in for a line number where the brand has none, so two lines
-- of one order are the same fact only if they agree in everything; where a line number exists, it alone decides.
SELECT
  l.source_system,
  l.batch_id,
  l.source_row,
  l.ingest_ts,
  l.raw_row,
  l.order_id,
  l.line_id,
  l.timezone,
  l.order_local_ts,
  CAST(l.order_local_ts AS DATE)                                             AS order_date,
  l.product_code,
  l.product_name,
  l.customer_code,
  l.country,
  l.channel,
  l.is_cancellation,
  l.quantity,
  l.unit_price,
  l.list_price,
  COALESCE(l.currency, l.brand_currency)                                     AS currency,
  COALESCE(l.amount, TRY_CAST(CAST(l.quantity AS DECIMAL(19, 3)) * l.unit_price AS DECIMAL(18, 4))) AS amount_original,
  f.rate_eur                                                                 AS fx_rate,
  f.published_date                                                           AS fx_rate_date,
  CASE
    WHEN l.problem IS NOT NULL THEN l.problem
    WHEN l.order_id IS NULL THEN 'missing_order_id'
    WHEN l.order_local_ts IS NULL THEN 'unreadable_date'
    WHEN CAST(l.order_local_ts AS DATE) > CAST(CAST(l.ingest_ts AS DATE) + INTERVAL 1 DAY AS DATE) THEN 'future_date'
    WHEN l.product_code IS NULL THEN 'missing_product_code'
    WHEN l.quantity IS NULL THEN 'unreadable_quantity'
    WHEN l.unit_price IS NULL AND l.amount IS NULL THEN 'unreadable_price'
    WHEN l.amount IS NULL AND TRY_CAST(CAST(l.quantity AS DECIMAL(19, 3)) * l.unit_price AS DECIMAL(16, 4)) IS NULL
      OR ABS(l.amount) >= 1000000000000 THEN 'amount_out_of_range'
    WHEN f.rate_eur IS NULL THEN 'no_fx_rate'
  END                                                                        AS reason_code,
  CASE WHEN l.line_id IS NULL THEN STRUCT(
    l.order_local_ts, l.product_code, UPPER(l.product_name) AS product_name, l.quantity, l.unit_price, l.amount,
    l.customer_code, UPPER(l.country) AS country, UPPER(l.channel) AS channel, l.currency
  ) END                                                                      AS content
FROM staging.order_lines AS l
LEFT JOIN silver.fx_rates_eur AS f
  ON f.currency = COALESCE(l.currency, l.brand_currency)
  AND f.rate_date = CAST(l.order_local_ts AS DATE)

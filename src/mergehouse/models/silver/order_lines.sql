-- Grain: one delivered order line, as in staging.order_lines.
-- Inputs: order lines of all brands, the daily euro rates; the euro needs none.
-- Questionable: unusable lines are here too, with their reason, since they say which products and customers there are.
-- A delivery adds its lines; nothing is parsed twice. A tax rate between 0 and 1 % is taken for a fraction, and so is unknown.
-- GBp, a penny, is no GBP, and has no rate. What systems write where there is no date (1 January of 1, 1900, 1970 or 1980) is none; tills are younger.
WITH priced AS (
  SELECT
    l.*,
    CAST(l.order_local_ts AS DATE)         AS order_date,
    COALESCE(
      CASE WHEN l.currency <> UPPER(l.currency) AND TRIM(l.currency) RLIKE '^[A-Z]{2}[a-z]$' THEN TRIM(l.currency) ELSE UPPER(TRIM(l.currency)) END,
      l.brand_currency
    )                                      AS order_currency,
    COALESCE(l.amount, CASE
      WHEN l.near_amount = l.quantity * l.unit_price THEN l.near_amount
      ELSE TRY_CAST(l.quantity * l.unit_price AS DECIMAL(20, 9))
    END)                                   AS amount_original
  FROM (
    -- a float is found a hundred times faster than a wide decimal is rounded, and is nearly always the very product
    SELECT *, TRY_CAST(CAST(quantity AS DOUBLE) * CAST(unit_price AS DOUBLE) AS DECIMAL(20, 9)) AS near_amount FROM staging.order_lines
  ) AS l
),
converted AS (
  SELECT
    p.*,
    -- in microseconds: DuckDB takes five times as long to make an instant of what a clock shows. A CASE: what COALESCE might need
    -- next, DuckDB works out for every row, and that conversion is slow
    COALESCE(UNIX_MICROS(p.order_instant), CASE
      WHEN u.minutes_to_utc IS NULL THEN UNIX_MICROS(TO_UTC_TIMESTAMP(p.order_local_ts, p.timezone))
      ELSE UNIX_MICROS(CAST(CAST(p.order_local_ts AS TIMESTAMP_NTZ) AS TIMESTAMP)) + u.minutes_to_utc * 60000000
    END)                                   AS order_us,
    COALESCE(f.rate_eur, CASE WHEN p.order_currency = 'EUR' THEN 1 END)                  AS fx_rate,
    COALESCE(f.published_date, CASE WHEN p.order_currency = 'EUR' THEN p.order_date END) AS fx_rate_date
  FROM priced AS p
  LEFT JOIN silver.fx_rates_eur AS f ON f.currency = p.order_currency AND f.rate_date = p.order_date
  LEFT JOIN staging.utc_offsets AS u ON u.timezone = p.timezone AND u.day = p.order_date
),
taxed AS (
  SELECT
    *,
    CASE
      WHEN NOT are_prices_gross THEN NULL
      WHEN amount_original = 0 THEN 0
      WHEN ABS(tax_amount) < ABS(amount_original) THEN CASE WHEN amount_original < 0 THEN -ABS(tax_amount) ELSE ABS(tax_amount) END
      WHEN tax_amount IS NULL AND (percent = 0 OR percent BETWEEN 1 AND 100) THEN TRY_CAST(
        CAST(amount_original AS DOUBLE) * CAST(percent AS DOUBLE) / CAST(100 + percent AS DOUBLE) AS DECIMAL(20, 9)
      )
    END                                    AS tax_original
  FROM (
    SELECT *, COALESCE(tax_rate, brand_tax_rate) AS percent, REPLACE(LOWER(TRIM(unit_of_measure)), '.', '') AS measure FROM converted
  ) AS told
),
judged AS (
  SELECT
    *,
    CASE
      WHEN problem IS NOT NULL THEN problem
      WHEN order_id IS NULL THEN 'missing_order_id'
      WHEN order_date IS NULL THEN 'unreadable_date'
      WHEN order_date <= DATE'1980-01-01' THEN 'placeholder_date'
      WHEN order_date > DATE'9999-12-31' THEN 'future_date' -- of which there may be no microseconds
      WHEN (DATEDIFF(order_date, DATE'1970-01-01') - 1) * 86400000000 > UNIX_MICROS(ingest_ts) THEN 'future_date'
      WHEN product_code IS NULL THEN 'missing_product_code'
      WHEN quantity IS NULL THEN 'unreadable_quantity'
      WHEN unit_price IS NULL AND amount IS NULL THEN 'unreadable_price'
      WHEN amount_original IS NULL OR ABS(amount_original) >= 100000000000 THEN 'amount_out_of_range'
      WHEN are_prices_gross AND tax_original IS NULL THEN 'unknown_tax'
      WHEN fx_rate IS NULL THEN 'no_fx_rate'
    END AS reason_code
  FROM taxed
)
SELECT
  source_system, batch_id, source_row, line_part, ingest_ts, order_id, line_id,
  version,
  FOLDED(TRIM(status))              AS status,
  CAST(TIMESTAMP_MICROS(order_us) AS TIMESTAMP) AS order_ts,
  order_date,
  CAST(DATE_TRUNC('MONTH', order_date) AS DATE) AS order_month,
  product_code, NULLIF(LOWER(TRIM(line_class)), '') AS line_class, product_name, customer_code,
  FOLDED(TRIM(country))             AS country,
  channel,
  COALESCE(is_cancellation, FALSE)  AS is_cancellation,
  quantity, unit_price, list_price, amount, amount_original,
  tax_original,
  COALESCE(
    ABS(cost), TRY_CAST(CASE WHEN amount_original < 0 THEN -1 ELSE 1 END * (amount_original - COALESCE(tax_original, 0) - profit) AS DECIMAL(20, 9))
  )                                 AS cost_original,
  CASE WHEN measure NOT IN (
    '', 'pc', 'pcs', 'pce', 'piece', 'pieces', 'ea', 'each', 'unit', 'units', 'item', 'items',
    'st', 'stk', 'stck', 'stück', 'szt', 'ks', 'u', 'un', 'ud', 'uds', 'pz', 'pza', 'c62', 'h87'
  ) THEN measure END                AS unit_of_measure,
  order_currency                    AS currency,
  CASE WHEN gives_currency THEN currency IS NOT NULL END AS is_currency_told,
  CASE WHEN gives_tax_too THEN COALESCE(tax_rate, tax_amount) IS NOT NULL END AS is_tax_told,
  fx_rate, fx_rate_date, reason_code, partners
FROM judged

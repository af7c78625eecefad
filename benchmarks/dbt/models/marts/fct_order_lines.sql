WITH priced AS (
  SELECT
    l.*, p.product_id, p.department, p.category, p.line_class, p.unit_cost, p.cost_rate, x.customer_id,
    COALESCE(f.rate_eur, 1) AS fx_rate, COALESCE(n.country_code, 'ZZ') AS country_code, COALESCE(n.region, 'Rest of world') AS region
  FROM {{ ref('int_order_lines') }} AS l
  JOIN {{ ref('int_products') }} AS p USING (source_system, product_code)
  LEFT JOIN {{ ref('int_customer_xref') }} AS x USING (source_system, customer_code)
  LEFT JOIN {{ ref('int_fx_rates') }} AS f ON f.currency = l.currency AND f.rate_date = l.order_date
  LEFT JOIN {{ ref('stg_countries') }} AS n ON n.spelling = l.country
),
typed AS (
  SELECT
    *, {{ euro('amount_original', 'fx_rate') }} AS amount_eur,
    CASE
      WHEN line_class IS NOT NULL THEN 'non_merchandise'
      WHEN amount_original = 0 OR unit_price < 0 THEN 'adjustment'
      WHEN amount_original < 0 OR is_cancellation THEN 'return'
      ELSE 'sale'
    END AS line_type
  FROM priced
),
costed AS (
  SELECT
    *,
    CASE WHEN line_type IN ('sale', 'return') THEN
      CASE WHEN unit_cost IS NULL THEN {{ euro('amount_original * cost_rate', 'fx_rate') }} ELSE {{ euro('quantity * unit_cost', 'fx_rate') }} END
    END AS cost_eur
  FROM typed
)
SELECT
  source_system, order_id, line_id, order_ts, order_date, DATE_TRUNC('month', order_date)::DATE AS order_month,
  customer_id, customer_code AS source_customer_id, product_id, department, category, line_type, line_class,
  quantity, unit_price, list_price, currency, amount_original, fx_rate, amount_eur,
  CASE WHEN line_type = 'sale' THEN quantity ELSE 0 END AS units,
  CASE WHEN line_type = 'sale' THEN amount_eur ELSE 0 END AS gmv_eur,
  CASE WHEN line_type = 'return' THEN -amount_eur ELSE 0 END AS returns_eur,
  cost_eur,
  CASE WHEN line_type IN ('sale', 'return') THEN amount_eur - cost_eur ELSE 0 END AS margin_eur,
  CASE WHEN line_type IN ('sale', 'return') THEN IF(unit_cost IS NULL, 'estimated', 'actual') END AS margin_method,
  country_code, region, channel, is_cancellation
FROM costed

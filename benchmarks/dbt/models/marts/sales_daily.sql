WITH money AS (
  SELECT
    order_date, source_system, country_code, ANY_VALUE(region) AS region, SUM(gmv_eur) AS gmv_eur, SUM(returns_eur) AS returns_eur,
    SUM(units) AS units, SUM(cost_eur) AS cost_eur, SUM(margin_eur) AS margin_eur,
    SUM(gmv_eur) FILTER (customer_id IS NULL) AS guest_gmv_eur, SUM(amount_eur) FILTER (line_type = 'non_merchandise') AS non_merchandise_eur
  FROM {{ ref('fct_order_lines') }} GROUP BY order_date, source_system, country_code
),
counts AS (
  SELECT order_date, source_system, country_code, COUNT(*) AS orders FROM {{ ref('fct_orders') }} WHERE is_sale GROUP BY ALL
)
SELECT *, gmv_eur - returns_eur AS net_revenue_eur
FROM money FULL JOIN counts USING (order_date, source_system, country_code)

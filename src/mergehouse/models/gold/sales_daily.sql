-- Grain: day x brand x country of the order.
-- Inputs: clean order lines for money, orders for order counts.
-- Questionable: an order counts on the day of its first line, so that orders add up over days; money counts on its line's day.
-- The lines of an order may name several days and countries, so that a row may have an order and no money.
WITH money AS (
  SELECT
    order_date, source_system, country_code, region,
    SUM(gmv_eur)                                                                 AS gmv_eur,
    SUM(returns_eur)                                                             AS returns_eur,
    SUM(units)                                                                   AS units,
    COALESCE(SUM(cost_eur), 0)                                                   AS cost_eur,
    SUM(margin_eur)                                                              AS margin_eur,
    SUM(CASE WHEN line_type = 'non_merchandise' THEN amount_eur ELSE 0 END)      AS non_merchandise_eur,
    SUM(CASE WHEN customer_id IS NULL THEN gmv_eur ELSE 0 END)                   AS guest_gmv_eur,
    MIN(margin_method)                                                           AS first_method,
    MAX(margin_method)                                                           AS last_method
  FROM silver.sales_clean
  GROUP BY order_date, source_system, country_code, region
),
counts AS (
  SELECT order_date, source_system, country_code, MIN(region) AS region, COUNT(*) AS orders
  FROM silver.orders WHERE is_sale GROUP BY order_date, source_system, country_code
)
SELECT
  COALESCE(m.order_date, c.order_date)                            AS order_date,
  COALESCE(m.source_system, c.source_system)                      AS source_system,
  COALESCE(m.country_code, c.country_code)                        AS country_code,
  COALESCE(m.region, c.region)                                    AS region,
  COALESCE(m.gmv_eur, 0)                                          AS gmv_eur,
  COALESCE(m.returns_eur, 0)                                      AS returns_eur,
  COALESCE(m.gmv_eur - m.returns_eur, 0)                          AS net_revenue_eur,
  COALESCE(c.orders, 0)                                           AS orders,
  COALESCE(m.units, 0)                                            AS units,
  COALESCE(m.cost_eur, 0)                                         AS cost_eur,
  COALESCE(m.margin_eur, 0)                                       AS margin_eur,
  CASE
    WHEN m.first_method IS NULL THEN 'none'
    WHEN m.first_method = m.last_method THEN m.first_method
    ELSE 'mixed'
  END                                                             AS margin_method,
  COALESCE(m.non_merchandise_eur, 0)                              AS non_merchandise_eur,
  COALESCE(m.guest_gmv_eur, 0)                                    AS guest_gmv_eur
FROM money AS m
FULL OUTER JOIN counts AS c
  ON c.order_date = m.order_date AND c.source_system = m.source_system AND c.country_code = m.country_code

WITH money AS (
  SELECT
    COALESCE(source_system, 'group') AS scope, SUM(gmv_eur) AS gmv, SUM(returns_eur) AS returns, SUM(margin_eur) AS margin,
    SUM(orders) AS orders, SUM(units) AS units, SUM(guest_gmv_eur) AS guest_gmv
  FROM {{ ref('sales_daily') }} GROUP BY GROUPING SETS ((source_system), ())
),
people AS (
  SELECT
    COALESCE(source_system, 'group') AS scope, COUNT(DISTINCT customer_id) FILTER (frequency > 0) AS customers,
    COUNT(DISTINCT customer_id) FILTER (NOT is_churned) AS active_customers, COUNT(DISTINCT customer_id) FILTER (frequency >= 2) AS repeat_customers
  FROM {{ ref('customer_brand_360') }} GROUP BY GROUPING SETS ((source_system), ())
)
SELECT *, gmv - returns AS net_revenue, gmv / orders AS aov, returns / gmv AS return_rate, active_customers / customers AS active_rate
FROM money JOIN people USING (scope)

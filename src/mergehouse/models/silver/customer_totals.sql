-- Grain: one unified customer at one brand.
-- Inputs: what customers did day by day, categories bought, clean customers.
-- Questionable: a table of its own, although gold.customer_brand_360 says all of it again. There every row changes with the
-- as-of date; here only those of customers of whom something was delivered.
WITH spending AS (
  SELECT
    customer_id, source_system,
    MIN(CASE WHEN is_purchase THEN order_date END)   AS first_order_date,
    MAX(CASE WHEN is_purchase THEN order_date END)   AS last_order_date,
    SUM(orders)                                      AS frequency,
    SUM(units)                                       AS units,
    SUM(gmv_eur)                                     AS gmv_eur,
    SUM(returns_eur)                                 AS returns_eur,
    SUM(margin_eur)                                  AS margin_eur
  FROM silver.customer_days
  GROUP BY customer_id, source_system
),
diversity AS (
  SELECT customer_id, source_system, COUNT(*) AS categories FROM silver.customer_categories GROUP BY customer_id, source_system
),
known AS (
  SELECT
    customer_id, source_system,
    MIN(country_code) AS country_code,
    MIN(region)       AS region
  FROM silver.customers_clean
  GROUP BY customer_id, source_system
)
SELECT
  k.customer_id, k.source_system, k.country_code, k.region,
  s.first_order_date, s.last_order_date,
  COALESCE(s.frequency, 0)                                AS frequency,
  COALESCE(s.gmv_eur, 0) - COALESCE(s.returns_eur, 0)     AS monetary_eur,
  COALESCE(s.gmv_eur, 0)                                  AS gmv_eur,
  COALESCE(s.returns_eur, 0)                              AS returns_eur,
  COALESCE(s.margin_eur, 0)                               AS margin_eur,
  COALESCE(s.units, 0)                                    AS units,
  COALESCE(d.categories, 0)                               AS categories,
  b.brands > 1                                            AS is_cross_brand
FROM known AS k
JOIN (SELECT customer_id, COUNT(*) AS brands FROM known GROUP BY customer_id) AS b ON b.customer_id = k.customer_id
LEFT JOIN spending AS s ON s.customer_id = k.customer_id AND s.source_system = k.source_system
LEFT JOIN diversity AS d ON d.customer_id = k.customer_id AND d.source_system = k.source_system

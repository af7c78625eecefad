-- Grain: one unified customer at one brand.
-- Inputs: what customers did day by day, categories bought, clean customers, brand settings.
-- Questionable: a table of its own, although gold.customer_brand_360 says all of it again. There every row changes with the
-- as-of date; here only those of customers of whom something was delivered. Where a brand sets its as-of date, what happened on
-- that day or later is not known yet.
WITH spending AS (
  SELECT
    d.customer_id, d.source_system,
    MIN(CASE WHEN d.is_purchase THEN d.order_date END)   AS first_order_date,
    MAX(CASE WHEN d.is_purchase THEN d.order_date END)   AS last_order_date,
    SUM(d.orders)                                        AS frequency,
    SUM(d.units)                                         AS units,
    SUM(d.gmv_eur)                                       AS gmv_eur,
    SUM(d.returns_eur)                                   AS returns_eur,
    SUM(d.margin_eur)                                    AS margin_eur
  FROM silver.customer_days AS d
  JOIN mapping.brands AS b ON b.source_system = d.source_system AND (b.as_of IS NULL OR d.order_date < CAST(b.as_of AS DATE))
  GROUP BY d.customer_id, d.source_system
),
diversity AS (
  SELECT c.customer_id, c.source_system, COUNT(*) AS categories
  FROM silver.customer_categories AS c
  JOIN mapping.brands AS b
    ON b.source_system = c.source_system AND (b.as_of IS NULL OR c.first_order_date < CAST(b.as_of AS DATE))
  GROUP BY c.customer_id, c.source_system
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

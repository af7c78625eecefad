-- Grain: one unified customer of more than one brand.
-- Inputs: customers at each brand and at all together, what they did day by day, brands' as-of dates.
-- Questionable: spend moved from one brand to another where net revenue of the last 365 days is at most half of that of the 365
-- before at the one and higher at the other, each by its own as-of date. Two brands are compared only where both have sold for
-- 730 days and their as-of dates are at most 182 days apart: else a fall and a rise are of different times.
WITH pairs AS (
  SELECT f.source_system AS moved_from, t.source_system AS moved_to
  FROM gold.dim_brand AS f
  JOIN gold.dim_brand AS t
    ON t.source_system <> f.source_system AND ABS(DATEDIFF(f.as_of_date, t.as_of_date)) <= 182
    AND DATEDIFF(f.as_of_date, f.first_order_date) >= 730 AND DATEDIFF(t.as_of_date, t.first_order_date) >= 730
),
shared AS (
  SELECT customer_id, source_system, first_order_date, monetary_eur, as_of_date
  FROM gold.customer_brand_360 WHERE is_cross_brand
),
bought AS (
  SELECT
    customer_id,
    ARRAY_JOIN(TRANSFORM(SORT_ARRAY(COLLECT_LIST(STRUCT(first_order_date, source_system))), b -> b.source_system), ', ') AS brands,
    MIN_BY(monetary_eur, STRUCT(first_order_date, source_system)) AS first_brand_eur
  FROM shared WHERE first_order_date IS NOT NULL GROUP BY customer_id
),
years AS (
  SELECT
    s.customer_id, s.source_system,
    SUM(CASE WHEN DATEDIFF(s.as_of_date, d.order_date) <= 365 THEN d.gmv_eur - d.returns_eur ELSE 0 END)                AS last_eur,
    SUM(CASE WHEN DATEDIFF(s.as_of_date, d.order_date) BETWEEN 366 AND 730 THEN d.gmv_eur - d.returns_eur ELSE 0 END)   AS before_eur
  FROM shared AS s
  LEFT JOIN silver.customer_days AS d
    ON d.customer_id = s.customer_id AND d.source_system = s.source_system AND d.order_date < s.as_of_date
  GROUP BY s.customer_id, s.source_system
),
compared AS (
  SELECT
    f.customer_id, p.moved_from, p.moved_to,
    f.before_eur > 0 AND 2 * f.last_eur <= f.before_eur AND t.last_eur > t.before_eur AS has_moved,
    LEAST(f.before_eur - f.last_eur, t.last_eur - t.before_eur)                       AS moved_eur
  FROM years AS f
  JOIN pairs AS p ON p.moved_from = f.source_system
  JOIN years AS t ON t.customer_id = f.customer_id AND t.source_system = p.moved_to
),
largest AS (
  SELECT
    *, ROW_NUMBER() OVER (PARTITION BY customer_id ORDER BY has_moved DESC, moved_eur DESC, moved_from, moved_to) AS place
  FROM compared
)
SELECT
  c.customer_id, b.brands, c.segment, c.region, c.country_code,
  c.monetary_eur, COALESCE(b.first_brand_eur, 0)                                                       AS first_brand_eur,
  CASE WHEN m.has_moved THEN 'moved' WHEN NOT m.has_moved THEN 'not_moved' ELSE 'not_comparable' END   AS movement,
  CASE WHEN m.has_moved THEN m.moved_from END                                                          AS moved_from,
  CASE WHEN m.has_moved THEN m.moved_to END                                                            AS moved_to,
  CASE WHEN m.has_moved THEN m.moved_eur END                                                           AS moved_eur
FROM gold.customer_360 AS c
LEFT JOIN bought AS b ON b.customer_id = c.customer_id
LEFT JOIN largest AS m ON m.customer_id = c.customer_id AND m.place = 1
WHERE c.is_cross_brand

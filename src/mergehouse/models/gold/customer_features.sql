-- Grain: one customer of one brand at one cut-off date.
-- Inputs: what customers did day by day, orders returned whole, categories bought, customers, the cut-off dates.
-- Questionable: a purchase whose orders were all returned whole before the cut-off was never made, one returned later still counts.
-- Nothing on or after the cut-off is read.
WITH voids AS (
  SELECT source_system, customer_id, order_date, COUNT(*) AS orders, MAX(voided_on) AS voided_on
  FROM silver.order_voids GROUP BY source_system, customer_id, order_date
),
ordered AS (
  SELECT
    d.*, v.voided_on,
    MAX(CASE WHEN d.is_purchase THEN d.order_date END) OVER (
      PARTITION BY d.source_system, d.customer_id ORDER BY d.order_date ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS previous
  FROM silver.customer_days AS d
  LEFT JOIN voids AS v
    ON v.source_system = d.source_system AND v.customer_id = d.customer_id AND v.order_date = d.order_date AND v.orders = d.orders
),
spaced AS (
  SELECT
    *,
    CASE WHEN is_purchase THEN DATEDIFF(order_date, previous) END              AS gap,
    previous IS NULL OR DATE_TRUNC('MONTH', previous) <> DATE_TRUNC('MONTH', order_date) AS opens_month,
    SUBSTR(MD5(customer_id), 1, 4)                                             AS hash
  FROM ordered
),
known AS (
  SELECT
    d.*, c.cutoff_date,
    DATEDIFF(c.cutoff_date, d.order_date)                                      AS age,
    d.is_purchase AND (d.voided_on IS NULL OR d.voided_on >= c.cutoff_date)    AS counts
  FROM gold.feature_cutoffs AS c
  JOIN spaced AS d ON d.source_system = c.source_system AND d.order_date < c.cutoff_date AND d.hash < c.hashes_below
),
summed AS (
  SELECT
    customer_id, source_system, cutoff_date,
    MIN(CASE WHEN counts THEN order_date END)                                  AS first_purchase_date,
    MAX(CASE WHEN counts THEN order_date END)                                  AS last_purchase_date,
    MIN(age)                                                                   AS contact_recency_days,
    COUNT_IF(counts)                                                           AS purchases,
    COUNT_IF(counts AND age <= 30)                                             AS purchases_30d,
    COUNT_IF(counts AND age <= 60)                                             AS purchases_60d,
    COUNT_IF(counts AND age <= 90)                                             AS purchases_90d,
    COUNT_IF(counts AND age <= 180)                                            AS purchases_180d,
    COUNT_IF(counts AND age <= 365)                                            AS purchases_365d,
    COUNT_IF(counts AND age > 275 AND age <= 365)                              AS purchases_season,
    COUNT_IF(counts AND opens_month AND age <= 365)                            AS active_months,
    SUM(CASE WHEN counts THEN CAST(ROUND(1000000 * EXP(-age / 20.0D)) AS BIGINT) ELSE 0 END)  AS activity_20d,
    SUM(CASE WHEN counts THEN CAST(ROUND(1000000 * EXP(-age / 80.0D)) AS BIGINT) ELSE 0 END)  AS activity_80d,
    SUM(CASE WHEN counts THEN CAST(ROUND(1000000 * EXP(-age / 320.0D)) AS BIGINT) ELSE 0 END) AS activity_320d,
    SUM(CASE WHEN counts THEN gap END)                                         AS gap_sum,
    SUM(CASE WHEN counts THEN CAST(gap AS BIGINT) * gap END)                   AS gap_squares,
    COUNT(CASE WHEN counts THEN gap END)                                       AS gaps,
    MAX(CASE WHEN counts THEN gap END)                                         AS gap_longest_days,
    MAX_BY(gap, CASE WHEN counts AND gap IS NOT NULL THEN order_date END)      AS gap_last_days,
    SUM(gmv_eur)                                                               AS gmv_eur,
    SUM(CASE WHEN age <= 90 THEN gmv_eur ELSE 0 END)                           AS gmv_90d_eur,
    SUM(CASE WHEN age <= 365 THEN gmv_eur ELSE 0 END)                          AS gmv_365d_eur,
    MAX_BY(gmv_eur, CASE WHEN counts THEN order_date END)                      AS gmv_last_eur,
    SUM(returns_eur)                                                           AS returns_eur,
    SUM(discount_eur)                                                          AS discount_eur,
    SUM(margin_eur)                                                            AS margin_eur,
    SUM(CASE WHEN age <= 90 THEN margin_eur ELSE 0 END)                        AS margin_90d_eur,
    SUM(CASE WHEN age <= 365 THEN margin_eur ELSE 0 END)                       AS margin_365d_eur,
    SUM(sale_lines)                                                            AS sale_lines,
    SUM(units)                                                                 AS units,
    COUNT_IF(returns_eur > 0)                                                  AS return_days
  FROM known
  GROUP BY customer_id, source_system, cutoff_date
  HAVING COUNT_IF(counts) > 0
),
diversity AS (
  SELECT c.customer_id, c.source_system, f.cutoff_date, COUNT(*) AS categories
  FROM silver.customer_categories AS c
  JOIN gold.feature_cutoffs AS f
    ON f.source_system = c.source_system AND c.first_order_date < f.cutoff_date AND SUBSTR(MD5(c.customer_id), 1, 4) < f.hashes_below
  GROUP BY c.customer_id, c.source_system, f.cutoff_date
),
elsewhere AS (
  SELECT a.customer_id, a.source_system, MIN(b.first_order_date) AS first_date
  FROM silver.customer_totals AS a
  JOIN silver.customer_totals AS b ON b.customer_id = a.customer_id AND b.source_system <> a.source_system
  WHERE a.is_cross_brand
  GROUP BY a.customer_id, a.source_system
)
SELECT
  s.customer_id, s.source_system, s.cutoff_date,
  '1'                                                                          AS feature_version,
  f.is_as_of,
  t.country_code, t.region,
  COALESCE(e.first_date < s.cutoff_date, FALSE)                                AS is_cross_brand,
  DATEDIFF(s.cutoff_date, s.last_purchase_date)                                AS recency_days,
  DATEDIFF(s.cutoff_date, s.first_purchase_date)                               AS tenure_days,
  s.contact_recency_days,
  s.purchases, s.purchases_30d, s.purchases_60d, s.purchases_90d, s.purchases_180d, s.purchases_365d, s.purchases_season,
  2 * s.purchases_90d - s.purchases_180d                                       AS trend_90d,
  s.active_months,
  CAST(s.activity_20d * 0.000001 AS DECIMAL(18, 6))                            AS activity_20d,
  CAST(s.activity_80d * 0.000001 AS DECIMAL(18, 6))                            AS activity_80d,
  CAST(s.activity_320d * 0.000001 AS DECIMAL(18, 6))                           AS activity_320d,
  CASE WHEN s.gaps > 0 THEN CAST(CAST(s.gap_sum AS DOUBLE) / s.gaps AS DECIMAL(12, 6)) END AS gap_mean_days,
  CASE WHEN s.gaps > 1 THEN CAST(SQRT(
    CAST(s.gaps * s.gap_squares - s.gap_sum * s.gap_sum AS DOUBLE) / CAST(s.gaps * (s.gaps - 1) AS DOUBLE)
  ) AS DECIMAL(12, 6)) END                                                                        AS gap_deviation_days,
  s.gap_longest_days, s.gap_last_days,
  s.gmv_eur, s.gmv_90d_eur, s.gmv_365d_eur, s.gmv_last_eur,
  s.returns_eur, s.discount_eur, s.margin_eur, s.margin_90d_eur, s.margin_365d_eur,
  s.sale_lines, s.units, s.return_days,
  COALESCE(d.categories, 0)                                                    AS categories
FROM summed AS s
JOIN gold.feature_cutoffs AS f ON f.source_system = s.source_system AND f.cutoff_date = s.cutoff_date
JOIN silver.customer_totals AS t ON t.customer_id = s.customer_id AND t.source_system = s.source_system
LEFT JOIN diversity AS d ON d.customer_id = s.customer_id AND d.source_system = s.source_system AND d.cutoff_date = s.cutoff_date
LEFT JOIN elsewhere AS e ON e.customer_id = s.customer_id AND e.source_system = s.source_system

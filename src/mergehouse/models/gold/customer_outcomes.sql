-- Grain: one customer of one brand at one cut-off date, as in gold.customer_features.
-- Inputs: what customers did on and after the cut-offs.
-- Questionable: the labels of training and backtests, apart from the features so that none can leak into these. A window that
-- ends after the brand's as-of date is not closed: what happens in it is not known, and empty here.
WITH later AS (
  SELECT
    f.customer_id, f.source_system, f.cutoff_date,
    COUNT(CASE WHEN d.is_purchase AND DATEDIFF(d.order_date, f.cutoff_date) < 30 THEN 1 END)          AS purchases_30d,
    COUNT(CASE WHEN d.is_purchase AND DATEDIFF(d.order_date, f.cutoff_date) < 60 THEN 1 END)          AS purchases_60d,
    COUNT(CASE WHEN d.is_purchase AND DATEDIFF(d.order_date, f.cutoff_date) < 90 THEN 1 END)          AS purchases_90d,
    SUM(CASE WHEN DATEDIFF(d.order_date, f.cutoff_date) < 90 THEN d.margin_eur ELSE 0 END)             AS margin_90d_eur,
    SUM(CASE WHEN DATEDIFF(d.order_date, f.cutoff_date) < 180 THEN d.margin_eur ELSE 0 END)            AS margin_180d_eur,
    SUM(CASE WHEN DATEDIFF(d.order_date, f.cutoff_date) < 365 THEN d.margin_eur ELSE 0 END)            AS margin_365d_eur,
    SUM(CASE WHEN DATEDIFF(d.order_date, f.cutoff_date) < 90 THEN d.gmv_eur - d.returns_eur ELSE 0 END)        AS net_revenue_90d_eur,
    SUM(CASE WHEN DATEDIFF(d.order_date, f.cutoff_date) < 365 THEN d.gmv_eur - d.returns_eur ELSE 0 END)       AS net_revenue_365d_eur
  FROM gold.customer_features AS f
  LEFT JOIN silver.customer_days AS d
    ON d.source_system = f.source_system AND d.customer_id = f.customer_id
    AND d.order_date >= f.cutoff_date AND d.order_date < CAST(f.cutoff_date + INTERVAL 365 DAY AS DATE)
  WHERE NOT f.is_as_of
  GROUP BY f.customer_id, f.source_system, f.cutoff_date
)
SELECT
  l.customer_id, l.source_system, l.cutoff_date,
  CASE WHEN DATEDIFF(b.as_of_date, l.cutoff_date) >= 30 THEN l.purchases_30d END                       AS purchases_30d,
  CASE WHEN DATEDIFF(b.as_of_date, l.cutoff_date) >= 60 THEN l.purchases_60d END                       AS purchases_60d,
  CASE WHEN DATEDIFF(b.as_of_date, l.cutoff_date) >= 90 THEN l.purchases_90d END                       AS purchases_90d,
  CASE WHEN DATEDIFF(b.as_of_date, l.cutoff_date) >= 90 THEN l.margin_90d_eur END                      AS margin_90d_eur,
  CASE WHEN DATEDIFF(b.as_of_date, l.cutoff_date) >= 180 THEN l.margin_180d_eur END                    AS margin_180d_eur,
  CASE WHEN DATEDIFF(b.as_of_date, l.cutoff_date) >= 365 THEN l.margin_365d_eur END                    AS margin_365d_eur,
  CASE WHEN DATEDIFF(b.as_of_date, l.cutoff_date) >= 90 THEN l.net_revenue_90d_eur END                 AS net_revenue_90d_eur,
  CASE WHEN DATEDIFF(b.as_of_date, l.cutoff_date) >= 365 THEN l.net_revenue_365d_eur END               AS net_revenue_365d_eur
FROM later AS l
JOIN gold.dim_brand AS b ON b.source_system = l.source_system

-- The classes of campaigns at past cut-offs, with what came of these customers within 90 days. Purchases, days with one,
-- stand for orders.
-- by brand
-- joined below five: source_system; cutoff_date; days in order; from_orders in order; from_eur in order; region; country_code
-- counted in two parts: came_back
SELECT
  f.source_system, f.region, f.country_code, f.cutoff_date, silent_class(f.recency_days) AS days,
  orders_class(f.purchases) AS from_orders, spent_class(f.gmv_eur - f.returns_eur) AS from_eur, COUNT(*) AS customers,
  COUNT_IF(o.purchases_90d > 0) AS came_back,
  SUM(CASE WHEN o.purchases_90d > 0 THEN o.margin_90d_eur ELSE 0 END) AS margin_90d_eur,
  SUM(CASE WHEN o.purchases_90d > 0 THEN o.margin_90d_eur * o.margin_90d_eur ELSE 0 END) AS margin_90d_squared
FROM gold.customer_features AS f JOIN gold.customer_outcomes AS o USING (source_system, customer_id, cutoff_date)
WHERE o.purchases_90d IS NOT NULL AND f.purchases > 0 GROUP BY ALL ORDER BY ALL

-- The same classes at past cut-offs, with what came of these customers within 90 days.
SELECT
  f.source_system, f.region, f.cutoff_date, days_class(f.recency_days) AS days, orders_class(f.purchases) AS from_orders,
  money_class(f.gmv_eur - f.returns_eur) AS from_eur, COUNT(*) AS customers, COUNT_IF(o.purchases_90d > 0) AS came_back,
  SUM(o.margin_90d_eur) AS margin_90d_eur, SUM(o.margin_90d_eur * o.margin_90d_eur) AS margin_90d_squared
FROM gold.customer_features AS f JOIN gold.customer_outcomes AS o USING (source_system, customer_id, cutoff_date)
WHERE o.purchases_90d IS NOT NULL AND f.purchases > 0 GROUP BY ALL ORDER BY ALL

-- only: persons
-- a file for each year of order_date, in the order of customer_id, order_date DESC, source_system, order_id
-- by brand
-- Orders of known customers.
SELECT
  customer_id, source_system, order_id, order_date, country_code, channel, is_sale, units, gmv_eur, returns_eur,
  gmv_eur - returns_eur AS net_revenue_eur, margin_eur
FROM silver.orders WHERE customer_id IS NOT NULL

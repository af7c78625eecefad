-- Sales of each day, brand and country: what KPIs of any period are summed from.
SELECT * FROM gold.sales_daily ORDER BY source_system, order_date, country_code

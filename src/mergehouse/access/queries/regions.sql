-- Regions and countries that there are, for filters.
SELECT DISTINCT region, country_code FROM gold.sales_daily ORDER BY region, country_code

-- Customer KPIs of each region or country, of a brand or of all together (`group`).
-- choose by: region = region IS NOT NULL AND country_code IS NULL; country = country_code IS NOT NULL
SELECT * FROM cube.customers WHERE {by} AND source_system = $brand ORDER BY region, country_code

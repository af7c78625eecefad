-- Customer KPIs of every brand, or of all together (`group`), everywhere and in each region and country.
SELECT * EXCLUDE (segment) FROM cube.customers WHERE segment IS NULL ORDER BY source_system, region, country_code

-- Customer KPIs of every brand, or of all together (`group`), everywhere and in each region and country.
SELECT * FROM cube.customers ORDER BY source_system, region, country_code

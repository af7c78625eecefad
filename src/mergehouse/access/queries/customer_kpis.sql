-- Customer KPIs of a brand, or of all together (`group`), as of each brand's own date.
SELECT * FROM cube.customers
WHERE
  ($brand IS NULL OR source_system = $brand) AND region IS NOT DISTINCT FROM $region
  AND country_code IS NOT DISTINCT FROM $country
ORDER BY source_system

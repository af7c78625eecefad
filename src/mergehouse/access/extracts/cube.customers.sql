-- Customer KPIs of the catalogue, counted for each brand and for all, and each with and without region, country and
-- segment; empty stands for all of them. Distinct customers do not add up, so each cell is counted.
SELECT
  CASE WHEN GROUPING(source_system) = 1 THEN 'group' ELSE source_system END AS source_system, region, country_code,
  segment, {measures of gold.customer_brand_360}
FROM gold.customer_brand_360
GROUP BY GROUPING SETS (
  (), (region), (region, country_code), (segment), (region, segment),
  (source_system), (source_system, region), (source_system, region, country_code), (source_system, segment),
  (source_system, region, segment)
)
HAVING getvariable('is_group') OR GROUPING(source_system) = 0
ORDER BY ALL

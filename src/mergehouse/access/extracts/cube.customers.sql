-- Customer KPIs of the catalogue, counted for each brand and for all, and each with and without region and country; empty
-- stands for all of them. Customers with one row add up; those with several do not, so each cell counts them. Who may not
-- see persons has no cell of fewer than five, nor the smallest other one beside it, nor what is within either; and none of
-- all brands where the sum of the brands' says that fewer than five are customers of several.
-- left out below five: is_small
WITH several AS (SELECT customer_id FROM gold.customer_brand_360 GROUP BY customer_id HAVING COUNT(*) > 1),
cells AS (
  SELECT source_system, region, country_code, {measures of gold.customer_brand_360}
  FROM gold.customer_brand_360 WHERE customer_id NOT IN (FROM several) GROUP BY ALL
),
parts AS (
  SELECT
    source_system, region, country_code, GROUPING(source_system) AS is_group, 2 - GROUPING(region) - GROUPING(country_code) AS level,
    SUM(COLUMNS(* EXCLUDE (source_system, region, country_code)))
  FROM cells GROUP BY GROUPING SETS (
    (), (region), (region, country_code), (source_system), (source_system, region), (source_system, region, country_code)
  )
  UNION ALL BY NAME
  SELECT
    source_system, region, country_code, GROUPING(source_system) AS is_group, 2 - GROUPING(region) - GROUPING(country_code) AS level,
    {measures of gold.customer_brand_360}
  FROM gold.customer_brand_360 WHERE customer_id IN (FROM several) GROUP BY GROUPING SETS (
    (), (region), (region, country_code), (source_system), (source_system, region), (source_system, region, country_code)
  )
),
counted AS (
  SELECT
    CASE WHEN is_group = 1 THEN 'group' ELSE source_system END AS source_system, region, country_code, level,
    CAST(SUM(COLUMNS(* EXCLUDE (source_system, region, country_code, is_group, level))) AS BIGINT)
  FROM parts WHERE getvariable('is_group') OR is_group = 0
  GROUP BY is_group, source_system, region, country_code, level
),
sized AS (
  SELECT
    *, COALESCE(SUM(customers) OVER (
      PARTITION BY level, CASE WHEN level > 0 OR source_system = 'group' THEN source_system END,
      CASE WHEN level = 2 THEN region END ORDER BY customers, source_system, region, country_code
      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ), 0) AS smaller
  FROM counted
),
marked AS (
  SELECT
    *, customers < 5 OR smaller BETWEEN 1 AND 4 OR source_system = 'group' AND COALESCE(
      SUM(customers) FILTER (source_system <> 'group') OVER (PARTITION BY level, region, country_code) - customers, 0
    ) BETWEEN 1 AND 4 AS is_small
  FROM sized
)
SELECT
  * EXCLUDE (level, smaller, is_small),
  is_small OR COALESCE(BOOL_OR(is_small) FILTER (level = 1) OVER (PARTITION BY source_system, region), FALSE)
  OR COALESCE(BOOL_OR(is_small) FILTER (level = 0) OVER (PARTITION BY source_system), FALSE) AS is_small
FROM marked ORDER BY source_system, region, country_code

-- Customer KPIs of the catalogue, counted for each brand and for all, and each with and without region and country; empty
-- stands for all of them. Customers with one row add up; those with several do not, so each cell counts them. Who may not
-- see persons has no cell of fewer than five, nor the smallest other one beside it, nor what is within either; and none of
-- all brands where the sum of the brands' says that fewer than five are customers of several. The same holds of those in a
-- cell who are active and who are not, and of those who have bought again and who have not.
-- left out below five: is_small; active_customers if is_active_small; repeat_customers if is_repeat_small
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
sizes AS (
  SELECT
    source_system, region, country_code, level,
    UNNEST(['customers', 'active', 'not active', 'repeat', 'not repeat']) AS of_whom,
    UNNEST([
      customers, active_customers, customers - active_customers, repeat_customers, customers - repeat_customers
    ]) AS size
  FROM counted
),
sized AS (
  SELECT
    *, COALESCE(SUM(size) OVER (
      PARTITION BY of_whom, level, CASE WHEN level > 0 OR source_system = 'group' THEN source_system END,
      CASE WHEN level = 2 THEN region END ORDER BY size, source_system, region, country_code
      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ), 0) AS smaller
  FROM sizes
),
marked AS (
  SELECT
    *, size < 5 OR smaller BETWEEN 1 AND 4 OR source_system = 'group' AND COALESCE(
      SUM(size) FILTER (source_system <> 'group') OVER (PARTITION BY of_whom, level, region, country_code) - size, 0
    ) BETWEEN 1 AND 4 AS is_small
  FROM sized
),
within AS (
  SELECT
    *, is_small OR COALESCE(BOOL_OR(is_small) FILTER (level = 1) OVER (PARTITION BY of_whom, source_system, region), FALSE)
    OR COALESCE(BOOL_OR(is_small) FILTER (level = 0) OVER (PARTITION BY of_whom, source_system), FALSE) AS is_hidden
  FROM marked
),
hidden AS (
  SELECT
    source_system, region, country_code, BOOL_OR(is_hidden) FILTER (of_whom = 'customers') AS is_small,
    BOOL_OR(is_hidden) FILTER (of_whom LIKE '%active') AS is_active_small,
    BOOL_OR(is_hidden) FILTER (of_whom LIKE '%repeat') AS is_repeat_small
  FROM within GROUP BY source_system, region, country_code
)
SELECT c.* EXCLUDE (level), h.* EXCLUDE (source_system, region, country_code)
FROM counted AS c JOIN hidden AS h
ON c.source_system = h.source_system AND c.region IS NOT DISTINCT FROM h.region AND c.country_code IS NOT DISTINCT FROM h.country_code
ORDER BY c.source_system, c.region, c.country_code

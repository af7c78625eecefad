-- Grain: one spelling of a country name, folded.
-- Inputs: the countries mapping (ISO 3166-1 codes, names, aliases, region).
-- Questionable: four codes of ISO's user-assigned range stand for what exports say but ISO has no single code for.
WITH spellings AS (
  SELECT country_code, country, region, country_code AS spelling FROM mapping.countries
  UNION ALL
  SELECT country_code, country, region, alpha3 FROM mapping.countries
  UNION ALL
  SELECT country_code, country, region, country FROM mapping.countries
  UNION ALL
  SELECT country_code, country, region, EXPLODE(SPLIT(aliases, '[|]')) FROM mapping.countries WHERE aliases IS NOT NULL
)
SELECT
  FOLDED(TRIM(spelling)) AS spelling,
  MIN(country_code)      AS country_code,
  MIN(country)           AS country,
  MIN(region)            AS region
FROM spellings
GROUP BY FOLDED(TRIM(spelling))

WITH spellings AS (
  SELECT country_code, country, region, country_code AS spelling FROM {{ ref('countries') }}
  UNION ALL SELECT country_code, country, region, alpha3 FROM {{ ref('countries') }}
  UNION ALL SELECT country_code, country, region, country FROM {{ ref('countries') }}
  UNION ALL SELECT country_code, country, region, UNNEST(STRING_SPLIT(aliases, '|')) FROM {{ ref('countries') }}
)
SELECT UPPER(TRIM(spelling)) AS spelling, MIN(country_code) AS country_code, MIN(country) AS country, MIN(region) AS region
FROM spellings
WHERE spelling IS NOT NULL
GROUP BY 1

-- Grain: one spelling of a country name, folded.
-- Inputs: the countries mapping (ISO 3166-1 codes, names, aliases, region).
-- Questionable: four codes of ISO's user-assigned range stand for what exports say but ISO has no single code for. A name is also known without its
-- accents, with other apostrophes, `&`, `St`, blanks for hyphens or the reverse, short ones with or without points, unless another country is called so.
WITH spellings AS (
  SELECT country_code, country, region, country_code AS spelling FROM mapping.countries
  UNION ALL
  SELECT country_code, country, region, alpha3 FROM mapping.countries
  UNION ALL
  SELECT country_code, country, region, country FROM mapping.countries
  UNION ALL
  SELECT country_code, country, region, EXPLODE(SPLIT(aliases, '[|]')) FROM mapping.countries WHERE aliases IS NOT NULL
),
own AS (
  SELECT FOLDED(TRIM(spelling)) AS spelling, MIN(country_code) AS country_code, MIN(country) AS country, MIN(region) AS region
  FROM spellings GROUP BY FOLDED(TRIM(spelling))
),
bare AS (
  SELECT * FROM own
  UNION ALL
  SELECT
    TRANSLATE(spelling, 'ÀÁÂÃÄÅĂĄĀÇĆČĎĐÈÉÊËĒĖĘĚĞĢÌÍÎÏĪĮŁĽĻÑŃŇŅÒÓÔÕÖŐØŘŚŠŞȘŤŢȚÙÚÛÜŪŮŰŲÝŸŹŻŽΆΈΉΊΌΎΏ', 'AAAAAAAAACCCDDEEEEEEEEGGIIIIIILLLNNNNOOOOOOORSSSSTTTUUUUUUUUYYZZZΑΕΗΙΟΥΩ'),
    country_code, country, region
  FROM own WHERE spelling RLIKE '[^ -~]'
),
written AS (
  SELECT * FROM bare
  UNION ALL
  SELECT REPLACE(b.spelling, m.marks.mark, m.marks.other), b.country_code, b.country, b.region
  FROM bare AS b
  JOIN (
    SELECT EXPLODE(ARRAY(
      STRUCT('\'' AS mark, '’' AS other), STRUCT('\'' AS mark, '‘' AS other), STRUCT('\'' AS mark, '´' AS other), STRUCT('\'' AS mark, '`' AS other),
      STRUCT('\'' AS mark, ' ' AS other), STRUCT('\'' AS mark, '' AS other), STRUCT('-' AS mark, ' ' AS other), STRUCT(' ' AS mark, '-' AS other),
      STRUCT(' AND ' AS mark, ' & ' AS other), STRUCT('SAINT ' AS mark, 'ST. ' AS other), STRUCT('SAINT ' AS mark, 'ST ' AS other), STRUCT('.' AS mark, '' AS other)
    )) AS marks
  ) AS m ON CONTAINS(b.spelling, m.marks.mark)
  UNION ALL
  SELECT REGEXP_REPLACE(spelling, '([A-Z])', '$1.'), country_code, country, region FROM own
  WHERE spelling RLIKE '^[A-Z]{2,3}$' AND spelling <> country_code -- N.A. is not Namibia
)
SELECT spelling, country_code, country, region FROM own
UNION ALL
SELECT w.spelling, MIN(w.country_code) AS country_code, MIN(w.country) AS country, MIN(w.region) AS region
FROM written AS w LEFT ANTI JOIN own AS o ON o.spelling = w.spelling
GROUP BY w.spelling

-- Grain: one currency on one calendar day.
-- Inputs: the ECB's published reference rates (units of currency for one euro, business days only), brands' rates for want of these.
-- Questionable: a day without a rate takes the last one published before it, the ECB's for so many business days as the project says (and
-- the weekend behind them), a brand's, which may be a monthly average, for at most 31 days; after that there is no rate and lines go to
-- quarantine. rate_eur is the reciprocal, so that amounts are multiplied: to eight decimals, of a currency that is worth less than a euro to
-- thirteen, so that it keeps its digits.
WITH own AS (
  SELECT DISTINCT
    currency,
    CAST(rate_date AS DATE)               AS published_date,
    CAST(units_per_eur AS DECIMAL(18, 8)) AS units_per_eur
  FROM mapping.fx_rates
),
weekdays AS ( -- 0 is Monday, 4 is Friday and the weekend behind it
  SELECT
    e.currency, e.published_date, e.units_per_eur,
    DATEDIFF(e.published_date, DATE'1970-01-05') % 7                                          AS weekday,
    LEAST(DATEDIFF(e.published_date, DATE'1970-01-05') % 7, 4) + CAST(s.rate_hold_days AS INT) AS business_days
  FROM mapping.ecb_rates AS e CROSS JOIN mapping.settings AS s
),
published AS (
  SELECT
    currency, published_date, units_per_eur, 'ecb' AS published_by,
    7 * (business_days DIV 5) + business_days % 5 - weekday + CASE WHEN business_days % 5 = 4 THEN 2 ELSE 0 END AS days
  FROM weekdays
  UNION ALL
  SELECT o.currency, o.published_date, o.units_per_eur, 'brand' AS published_by, 31 AS days
  FROM own AS o
  LEFT ANTI JOIN mapping.ecb_rates AS e ON e.currency = o.currency AND e.published_date = o.published_date
),
spans AS (
  SELECT
    *,
    CASE -- a float is exact below 2^53, and ten times as fast as a wide decimal
      WHEN units_per_eur < 10000000 THEN CAST(ROUND(CAST(units_per_eur AS DOUBLE) * 100000000) AS BIGINT)
      ELSE CAST(CAST(units_per_eur AS DECIMAL(28, 8)) * CAST(100000000 AS DECIMAL(9, 0)) AS BIGINT)
    END                                                                                     AS scaled_units,
    LEAD(published_date) OVER (PARTITION BY currency ORDER BY published_date)               AS next_date
  FROM published
),
ends AS (
  SELECT
    currency, published_date, units_per_eur, published_by,
    CAST(
      CAST(
        CASE WHEN units_per_eur < 1 THEN (digits + 500000) DIV 1000000 * 100000 ELSE (digits + 5) DIV 10 END AS DECIMAL(18, 0)
      ) * CAST(0.0000000000001 AS DECIMAL(14, 13)) AS DECIMAL(18, 13)
    ) AS rate_eur,
    CAST(LEAST(
      COALESCE(next_date - INTERVAL 1 DAY, published_date + days * INTERVAL 1 DAY), published_date + days * INTERVAL 1 DAY
    ) AS DATE) AS last_day
  FROM (
    SELECT
      *,
      -- 1 / units_per_eur in whole 1e-14, by long division: of integers, since engines divide decimals differently
      10000000000000000 DIV scaled_units * 1000000
      + 10000000000000000 % scaled_units * 1000 DIV scaled_units * 1000
      + 10000000000000000 % scaled_units * 1000 % scaled_units * 1000 DIV scaled_units AS digits
    FROM spans
  ) AS divided
)
SELECT currency, CAST(day AS DATE) AS rate_date, rate_eur, units_per_eur, published_date, published_by
FROM (SELECT *, EXPLODE(SEQUENCE(published_date, last_day, INTERVAL 1 DAY)) AS day FROM ends) AS days

-- One euro rate for a currency and day; days without one take the last published.
WITH days AS (
  SELECT UNNEST(GENERATE_SERIES(MIN(rate_date), MAX(rate_date) + 7, INTERVAL 1 DAY))::DATE AS rate_date FROM {{ ref('ecb_rates') }}
)
SELECT d.rate_date, r.currency, CAST(1 / r.units_per_eur AS DECIMAL(18, 8)) AS rate_eur
FROM (SELECT d.rate_date, c.currency FROM days AS d CROSS JOIN (SELECT DISTINCT currency FROM {{ ref('ecb_rates') }}) AS c) AS d
ASOF JOIN {{ ref('ecb_rates') }} AS r ON r.currency = d.currency AND r.rate_date <= d.rate_date

-- Grain: one unified customer.
-- Inputs: clean customers of all brands.
-- Questionable: a customer of two brands takes attributes from the brand that saw them first (ties: by brand name).
SELECT
  customer_id,
  CASE WHEN COUNT(DISTINCT source_system) > 1 THEN 'both' ELSE MIN(source_system) END AS source_system,
  COUNT(DISTINCT source_system)                                                 AS brands,
  MIN(CASE WHEN place = 1 THEN country_code END)                                AS country_code,
  MIN(CASE WHEN place = 1 THEN country END)                                     AS country,
  MIN(CASE WHEN place = 1 THEN region END)                                      AS region,
  MIN(age_range)                                                                AS age_range,
  MIN(gender)                                                                   AS gender,
  MIN(signup_date)                                                              AS signup_date,
  MIN(first_seen)                                                               AS first_seen
FROM (
  SELECT
    *,
    ROW_NUMBER() OVER (
      PARTITION BY customer_id
      ORDER BY COALESCE(first_seen, DATE'9999-12-31'), source_system, source_customer_id
    ) AS place
  FROM silver.customers_clean
) AS ordered
GROUP BY customer_id

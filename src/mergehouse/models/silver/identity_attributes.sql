-- Grain: one registered customer of a brand.
-- Inputs: registered customers, countries.
-- Questionable: values are as delivered; they are put into one form when they are compared, so that what a model was trained on
-- and what it is applied to are read alike.
SELECT
  r.source_system,
  r.customer_code,
  r.first_name,
  r.last_name,
  r.email,
  r.phone,
  r.birth_date,
  r.address_line_1,
  r.address_line_2,
  r.postcode,
  r.city,
  CASE WHEN n.country_code NOT LIKE 'X%' THEN n.country_code END AS country,
  r.loyalty_card
FROM staging.persons AS r
LEFT JOIN staging.country_names AS n ON n.spelling = FOLDED(TRIM(r.country))

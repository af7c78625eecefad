-- Grain: one registered customer of a brand.
-- Inputs: every delivered version of customers, countries.
-- Questionable: as without the vault: values as delivered, of the version that holds now. The vault keeps no history of them.
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
FROM (
  SELECT
    *,
    ROW_NUMBER() OVER (
      PARTITION BY source_system, customer_code ORDER BY effective_from DESC, ingest_ts DESC, source_row DESC
    ) AS place
  FROM staging.customers_delivered
) AS r
LEFT JOIN staging.country_names AS n ON n.spelling = UPPER(TRIM(r.country))
WHERE r.place = 1 AND NOT r.is_deleted

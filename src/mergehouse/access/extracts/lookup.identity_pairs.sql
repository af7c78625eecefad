-- only: identity
-- Pairs of customers that wait for somebody to decide, the surest first, with what brands tell of both: the one file with personal
-- attributes.
SELECT
  substr(sha256(getvariable('salt') || concat_ws('|', c.source_system_a, c.customer_code_a, c.source_system_b, c.customer_code_b)), 1, 16)
    AS pair,
  c.source_system_a, c.customer_code_a, c.source_system_b, c.customer_code_b, c.score, c.reason, c.evidence,
  a.first_name AS first_name_a, b.first_name AS first_name_b, a.last_name AS last_name_a, b.last_name AS last_name_b,
  a.email AS email_a, b.email AS email_b, a.phone AS phone_a, b.phone AS phone_b, a.birth_date AS birth_date_a, b.birth_date AS birth_date_b,
  a.address_line_1 AS address_line_1_a, b.address_line_1 AS address_line_1_b,
  a.address_line_2 AS address_line_2_a, b.address_line_2 AS address_line_2_b,
  a.postcode AS postcode_a, b.postcode AS postcode_b, a.city AS city_a, b.city AS city_b,
  a.loyalty_card AS loyalty_card_a, b.loyalty_card AS loyalty_card_b
FROM silver.identity_candidates AS c
JOIN silver.identity_attributes AS a ON a.source_system = c.source_system_a AND a.customer_code = c.customer_code_a
JOIN silver.identity_attributes AS b ON b.source_system = c.source_system_b AND b.customer_code = c.customer_code_b
WHERE c.verdict = 'review'
ORDER BY COALESCE(c.score, 0) DESC, c.source_system_a, c.customer_code_a, c.source_system_b, c.customer_code_b

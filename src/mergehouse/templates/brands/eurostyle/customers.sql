-- Grain: one member of the loyalty programme.
-- Inputs: the members, where they are delivered. All other customers are known from their orders.
-- Questionable: a member's country is that of their orders.
SELECT
  customer_id    AS customer_code,
  country,
  first_name,
  last_name,
  email,
  birth_date,
  address        AS address_line_1,
  postcode,
  city
FROM members

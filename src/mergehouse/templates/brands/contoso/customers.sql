-- Grain: one registered customer, whether or not they ever bought.
-- Inputs: the customers table, and what the loyalty programme knows of its members, where that is delivered.
-- Questionable: 73 sales precede their customer's sign-up date; the date is kept as delivered.
SELECT
  c.customer_id  AS customer_code,
  c.country,
  c.age_range,
  c.signup_date,
  m.first_name,
  m.last_name,
  m.email,
  m.birth_date,
  m.address      AS address_line_1,
  m.postcode,
  m.city
FROM customers AS c
LEFT JOIN members AS m ON m.customer_id = c.customer_id

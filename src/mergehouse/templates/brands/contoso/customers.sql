-- Grain: one registered customer, whether or not they ever bought.
-- Inputs: the customers table.
-- Questionable: 73 sales precede their customer's sign-up date; the date is kept as delivered.
SELECT
  customer_id    AS customer_code,
  country,
  age_range,
  signup_date
FROM customers

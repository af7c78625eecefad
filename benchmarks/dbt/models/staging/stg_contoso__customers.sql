SELECT
  UPPER(TRIM(customer_id))       AS customer_code,
  UPPER(TRIM(country))           AS country,
  age_range,
  TRY_CAST(signup_date AS DATE)  AS signup_date
FROM READ_CSV('{{ env_var("RAW") }}/contoso/*_customers.csv', header = true, all_varchar = true)

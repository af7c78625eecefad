SELECT UPPER(TRIM(sale_id)) AS order_id, UPPER(TRIM(customer_id)) AS customer_code, UPPER(TRIM(country)) AS country, channel
FROM READ_CSV('{{ env_var("RAW") }}/contoso/*_sales.csv', header = true, all_varchar = true)

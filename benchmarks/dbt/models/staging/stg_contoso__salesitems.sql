SELECT
  UPPER(TRIM(sale_id))                      AS order_id,
  UPPER(TRIM(item_id))                      AS line_id,
  TRY_CAST(sale_date AS DATE)               AS order_date,
  UPPER(TRIM(product_id))                   AS product_code,
  TRY_CAST(quantity AS DECIMAL(18, 3))      AS quantity,
  TRY_CAST(unit_price AS DECIMAL(18, 4))    AS unit_price,
  TRY_CAST(original_price AS DECIMAL(18, 4)) AS list_price,
  TRY_CAST(item_total AS DECIMAL(18, 4))    AS amount
FROM READ_CSV('{{ env_var("RAW") }}/contoso/*_salesitems.csv', header = true, all_varchar = true)

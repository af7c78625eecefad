SELECT
  UPPER(TRIM(product_id))                AS product_code,
  product_name,
  category                               AS source_category,
  brand                                  AS product_brand,
  color, size, gender,
  TRY_CAST(cost_price AS DECIMAL(18, 4)) AS unit_cost
FROM READ_CSV('{{ env_var("RAW") }}/contoso/*_products.csv', header = true, all_varchar = true)

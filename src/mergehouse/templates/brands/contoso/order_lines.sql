-- Grain: one delivered row of salesitems.
-- Inputs: sale items, each with the header of its sale for customer, channel and country.
-- Questionable: the date is the item's (the header swaps day and month, see `reconcile` in brand.yml), and the amount
-- is item_total as billed, since unit_price is rounded and quantity x unit_price misses it by cents.
SELECT
  i.sale_id                              AS order_id,
  i.item_id                              AS line_id,
  CAST(i.sale_date AS TIMESTAMP_NTZ)     AS order_local_ts,
  i.product_id                           AS product_code,
  i.quantity,
  i.unit_price,
  i.item_total                           AS amount,
  i.original_price                       AS list_price,
  s.customer_id                          AS customer_code,
  s.country,
  s.channel,
  CASE WHEN s.sale_id IS NULL THEN 'order_header_missing' END AS problem,
  i.batch_id, i.source_row, i.ingest_ts
FROM salesitems AS i
LEFT JOIN sales AS s ON s.sale_id = i.sale_id

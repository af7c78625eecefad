-- Grain: one delivered row of the wide export.
-- Inputs: the sales export, which repeats order, customer and country on every line.
-- Questionable: the export has no line number, so a line is told apart by everything it says (see silver.duplicates).
SELECT
  invoice                AS order_id,
  invoice_date           AS order_local_ts,
  stock_code             AS product_code,
  description            AS product_name,
  quantity,
  price                  AS unit_price,
  customer_id            AS customer_code,
  country,
  invoice LIKE 'C%'      AS is_cancellation,
  batch_id, source_row, ingest_ts
FROM sales

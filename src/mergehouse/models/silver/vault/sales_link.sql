-- Grain: one order line of one customer, product and day.
-- Inputs: what was said of valid order lines.
-- Questionable: a line is a transaction: it has no end. What was said of it, and whether it counts, is in its satellite.
SELECT
  sales_hk, customer_hk, product_hk, date_hk,
  source_system, order_id, line_id, line_part, occurrence, customer_code AS source_customer_id, product_code,
  ingest_ts AS load_ts, batch_id AS record_source, source_row
FROM staging.sales_new_lines

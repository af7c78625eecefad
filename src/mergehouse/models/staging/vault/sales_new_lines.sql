-- Grain: one order line of one customer, product and day, as it was said first.
-- Inputs: valid order lines and their keys, those that were said again.
-- Questionable: a step of its own so that a delivery cuts its slices: a view that two tables read would be computed whole.
SELECT
  sales_hk, customer_hk, product_hk, date_hk, source_system, order_id, line_id, line_part, occurrence, customer_code, product_code,
  ingest_ts, batch_id, source_row
FROM staging.sales_keys
WHERE NOT may_be_said_again
UNION ALL
SELECT
  sales_hk, customer_hk, product_hk, date_hk, source_system, order_id, line_id, line_part, occurrence, customer_code, product_code,
  ingest_ts, batch_id, source_row
FROM staging.sales_said_again
WHERE NOT is_of_known_line

-- Grain: one order line as it was said once, until it was said otherwise.
-- Inputs: what was said of valid order lines.
-- Questionable: rows are only ever added. Which of them counts is no column here: silver.duplicates tells which lines gave way to
-- which, and a line that was said again without a change is not kept again.
SELECT
  sales_hk, source_system, order_id, ingest_ts AS load_ts, batch_id AS record_source, source_row, line_part, hashdiff,
  order_ts, order_date, order_month, line_class, country, channel, is_cancellation, quantity, unit_price, list_price,
  amount_original, tax_original, cost_original, unit_of_measure, currency, fx_rate, fx_rate_date
FROM staging.sales_records

-- Grain: one order line as it was said once, until it was said otherwise.
-- Inputs: valid order lines; the link, which tells where each was said first; where it was said otherwise later.
-- Questionable: rows are only ever added. Which of them counts is no column here: silver.duplicates tells which lines gave way to
-- which, and a line that was said again without a change is not kept again.
SELECT
  r.sales_hk, l.source_system, l.order_id, l.ingest_ts AS load_ts, l.batch_id AS record_source, l.source_row, l.line_part, l.hashdiff,
  l.order_ts, l.order_date, l.order_month, l.line_class, l.country, l.channel, l.is_cancellation, l.quantity, l.unit_price, l.list_price,
  l.amount_original, l.tax_original, l.cost_original, l.unit_of_measure, l.currency, l.fx_rate, l.fx_rate_date
FROM staging.sales_lines AS l
JOIN (
  SELECT sales_hk, record_source, source_row, line_part FROM silver.sales_link
  UNION ALL
  SELECT sales_hk, batch_id, source_row, line_part FROM staging.sales_said_again WHERE is_of_known_line AND NOT is_repeat
) AS r ON r.record_source = l.batch_id AND r.source_row = l.source_row AND r.line_part = l.line_part

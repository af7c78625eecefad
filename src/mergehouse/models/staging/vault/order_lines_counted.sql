-- Grain: one order line that is valid and repeats no other.
-- Inputs: the vault's order lines and all that was said of them, duplicates, the ledger of deliveries.
-- Questionable: of a line that was said again without a change the vault keeps the first record, while the delivery that counts is
-- the last one: the record then stands for the line there.
WITH said_again AS (
  SELECT
    s.record_source, s.source_row, s.line_part, d.kept_batch_id, d.kept_source_row,
    ROW_NUMBER() OVER (
      PARTITION BY d.kept_batch_id, d.kept_source_row, s.line_part ORDER BY s.load_ts DESC, s.source_row DESC
    ) AS place
  FROM silver.sales_satellite AS s
  JOIN silver.duplicates AS d ON d.batch_id = s.record_source AND d.source_row = s.source_row AND d.line_part = s.line_part
  JOIN (SELECT batch_id, MIN(ingest_ts) AS ingest_ts FROM bronze.batches GROUP BY batch_id) AS b ON b.batch_id = d.kept_batch_id
  LEFT ANTI JOIN silver.sales_satellite AS k
    ON k.record_source = d.kept_batch_id AND k.source_row = d.kept_source_row AND k.line_part = s.line_part
  LEFT ANTI JOIN silver.duplicates AS o -- the line that was kept may have given way, to an order or a day that was delivered again
    ON o.batch_id = d.kept_batch_id AND o.source_row = d.kept_source_row AND o.line_part = s.line_part
  WHERE d.kind <> 'superseded'
    AND (s.load_ts < b.ingest_ts OR (s.record_source = d.kept_batch_id AND s.source_row < d.kept_source_row))
),
gave_way AS (
  SELECT d.batch_id, d.source_row, d.line_part, a.kept_batch_id, a.kept_source_row
  FROM silver.duplicates AS d
  LEFT JOIN said_again AS a
    ON a.record_source = d.batch_id AND a.source_row = d.source_row AND a.line_part = d.line_part AND a.place = 1
)
SELECT
  s.source_system,
  COALESCE(g.kept_batch_id, s.record_source) AS batch_id,
  COALESCE(g.kept_source_row, s.source_row)  AS source_row,
  s.line_part, s.order_id, l.line_id, s.order_ts, s.order_date, s.order_month,
  l.product_code, s.line_class, l.source_customer_id AS customer_code, s.country, s.channel, s.is_cancellation,
  s.quantity, s.unit_price, s.list_price, s.amount_original, s.tax_original, s.cost_original, s.unit_of_measure,
  s.currency, s.fx_rate, s.fx_rate_date
FROM silver.sales_satellite AS s
JOIN silver.sales_link AS l ON l.sales_hk = s.sales_hk
LEFT JOIN gave_way AS g ON g.batch_id = s.record_source AND g.source_row = s.source_row AND g.line_part = s.line_part
WHERE g.batch_id IS NULL OR g.kept_batch_id IS NOT NULL

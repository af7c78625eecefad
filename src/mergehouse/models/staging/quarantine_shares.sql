-- Grain: one brand, and one delivery of order lines of it (`batch_id`; empty for all of them together).
-- Inputs: order lines, those in quarantine, the ledger (not of brands that are held back), newest rates, brands' limits.
-- Questionable: rows that could not be split count as lines without an amount; amounts are compared in euros by each currency's newest
-- rate, near enough for a share. What the brand's own rules leave out (`left_out`) is no loss, nor is a row without any cell (`empty_row`)
-- or a torn one of a delivery that they leave out whole.
WITH newest AS (
  SELECT currency, CAST(MAX_BY(rate_eur, rate_date) AS DOUBLE) AS rate_eur FROM silver.fx_rates_eur GROUP BY currency
),
lines AS (
  SELECT
    source_system, batch_id, currency, CAST(NULL AS STRING) AS reason_code,
    COUNT(*)                                                AS order_lines,
    SUM(CASE WHEN reason_code = 'left_out' THEN 1 ELSE 0 END) AS left_out_lines,
    SUM(CASE WHEN reason_code = 'amount_out_of_range' THEN 0 ELSE CAST(ABS(amount_original) AS DOUBLE) END) AS amount
  FROM silver.order_lines
  GROUP BY source_system, batch_id, currency
  UNION ALL
  SELECT
    source_system, batch_id, currency, reason_code,
    COUNT(*), 0,
    SUM(CASE WHEN reason_code = 'amount_out_of_range' THEN 0 ELSE CAST(ABS(amount_original) AS DOUBLE) END)
  FROM silver.quarantine
  WHERE reason_code NOT IN ('left_out', 'empty_row')
  GROUP BY source_system, batch_id, currency, reason_code
),
torn AS (
  SELECT b.source_system, b.batch_id, b.rejected_rows
  FROM bronze.batches AS b
  JOIN (
    SELECT DISTINCT o.source_system, o.source_table
    FROM bronze.batches AS o JOIN (SELECT DISTINCT batch_id FROM lines) AS l ON l.batch_id = o.batch_id
  ) AS s ON s.source_system = b.source_system AND s.source_table = b.source_table
  LEFT ANTI JOIN mapping.held_back AS h ON h.source_system = b.source_system
  LEFT ANTI JOIN (
    SELECT batch_id FROM lines WHERE reason_code IS NULL GROUP BY batch_id HAVING SUM(order_lines) = SUM(left_out_lines)
  ) AS w ON w.batch_id = b.batch_id
  WHERE b.status = 'loaded' AND b.rejected_rows > 0
),
parts AS ( -- without a reason: all that was delivered, with one: what of it is lost
  SELECT l.source_system, l.batch_id, l.reason_code, l.order_lines, COALESCE(l.amount * n.rate_eur, 0) AS amount_eur
  FROM lines AS l LEFT JOIN newest AS n ON n.currency = l.currency
  UNION ALL
  SELECT source_system, batch_id, NULL, rejected_rows, 0 FROM torn
  UNION ALL
  SELECT source_system, batch_id, 'torn_row', rejected_rows, 0 FROM torn
),
shares AS (
  SELECT
    source_system, batch_id,
    SUM(CASE WHEN reason_code IS NULL THEN order_lines ELSE 0 END)              AS order_lines,
    SUM(CASE WHEN reason_code IS NOT NULL THEN order_lines ELSE 0 END)          AS lost_lines,
    SUM(CASE WHEN reason_code IS NULL THEN amount_eur ELSE 0 END)               AS amount_eur,
    SUM(CASE WHEN reason_code IS NOT NULL THEN amount_eur ELSE 0 END)           AS lost_eur,
    MAX_BY(reason_code, CASE WHEN reason_code IS NOT NULL THEN order_lines END) AS most_often
  FROM parts
  GROUP BY GROUPING SETS ((source_system), (source_system, batch_id))
)
SELECT
  s.source_system, COALESCE(s.batch_id, '') AS batch_id,
  s.order_lines, s.lost_lines, s.most_often,
  CAST(CAST(s.lost_lines AS DOUBLE) / s.order_lines AS DECIMAL(9, 6))                           AS line_share,
  CAST(CASE WHEN s.amount_eur > 0 THEN s.lost_eur / s.amount_eur ELSE 0 END AS DECIMAL(9, 6))   AS amount_share,
  CAST(l.warn_share AS DECIMAL(9, 6))                                                           AS warn_share,
  CAST(l.stop_share AS DECIMAL(9, 6))                                                           AS stop_share
FROM shares AS s
JOIN mapping.quarantine_limits AS l ON l.source_system = s.source_system

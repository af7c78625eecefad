-- Grain: one brand, and one delivery of order lines of it (`batch_id`; empty for all of them together).
-- Inputs: checked order lines, the ledger of deliveries, the newest rate of each currency, brands' limits.
-- Questionable: rows that could not be split count as lines without an amount; amounts are compared in euros by each currency's newest
-- rate, near enough for a share. What the brand's own rules leave out (`left_out`) is no loss.
WITH newest AS (
  SELECT currency, CAST(MAX_BY(rate_eur, rate_date) AS DOUBLE) AS rate_eur FROM silver.fx_rates_eur GROUP BY currency
),
lines AS (
  SELECT
    source_system, batch_id, currency,
    COUNT(*)                                                                        AS order_lines,
    COUNT_IF(reason_code IS NOT NULL AND reason_code <> 'left_out')                 AS lost_lines,
    SUM(CASE WHEN reason_code = 'amount_out_of_range' THEN NULL ELSE CAST(ABS(amount_original) AS DOUBLE) END) AS amount,
    SUM(CASE
      WHEN reason_code IS NOT NULL AND reason_code NOT IN ('left_out', 'amount_out_of_range') THEN CAST(ABS(amount_original) AS DOUBLE)
    END)                                                                            AS lost_amount
  FROM silver.order_lines
  GROUP BY source_system, batch_id, currency
),
deliveries AS (
  SELECT
    l.source_system, l.batch_id,
    SUM(l.order_lines) AS order_lines, SUM(l.lost_lines) AS lost_lines,
    SUM(COALESCE(l.amount * n.rate_eur, 0)) AS amount_eur, SUM(COALESCE(l.lost_amount * n.rate_eur, 0)) AS lost_eur
  FROM lines AS l LEFT JOIN newest AS n ON n.currency = l.currency
  GROUP BY l.source_system, l.batch_id
  UNION ALL
  SELECT b.source_system, b.batch_id, b.rejected_rows, b.rejected_rows, 0, 0
  FROM bronze.batches AS b
  JOIN (
    SELECT DISTINCT o.source_system, o.source_table
    FROM bronze.batches AS o JOIN (SELECT DISTINCT batch_id FROM lines) AS l ON l.batch_id = o.batch_id
  ) AS s ON s.source_system = b.source_system AND s.source_table = b.source_table
  WHERE b.status = 'loaded'
),
shares AS (
  SELECT
    source_system, batch_id,
    SUM(order_lines) AS order_lines, SUM(lost_lines) AS lost_lines,
    CASE WHEN SUM(order_lines) > 0 THEN CAST(SUM(lost_lines) AS DOUBLE) / SUM(order_lines) ELSE 0 END AS line_share,
    CASE WHEN SUM(amount_eur) > 0 THEN SUM(lost_eur) / SUM(amount_eur) ELSE 0 END AS amount_share
  FROM deliveries
  GROUP BY GROUPING SETS ((source_system), (source_system, batch_id))
)
SELECT
  s.source_system, COALESCE(s.batch_id, '') AS batch_id,
  s.order_lines, s.lost_lines,
  CAST(s.line_share AS DECIMAL(9, 6))      AS line_share,
  CAST(s.amount_share AS DECIMAL(9, 6))    AS amount_share,
  CAST(l.warn_share AS DECIMAL(9, 6))      AS warn_share,
  CAST(l.stop_share AS DECIMAL(9, 6))      AS stop_share
FROM shares AS s
JOIN mapping.quarantine_limits AS l ON l.source_system = s.source_system

-- Five of the lines of each reason.
SELECT * FROM (
  SELECT
    source_system, 'quarantine' AS kept_in, reason_code AS reason, order_id, order_date, amount_original, currency
  FROM silver.quarantine
  UNION ALL
  SELECT source_system, 'duplicates', kind, order_id, order_date, amount_original, currency FROM silver.duplicates
) QUALIFY ROW_NUMBER() OVER (PARTITION BY source_system, kept_in, reason ORDER BY order_date, order_id, amount_original) <= 5
ORDER BY source_system, kept_in, reason, order_date, order_id

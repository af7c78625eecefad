-- Order lines that count in no figure, by where they are kept and why.
SELECT
  source_system, 'quarantine' AS kept_in, reason_code AS reason, COALESCE(currency, '') AS currency, COUNT(*) AS lines,
  SUM(amount_original) AS amount
FROM silver.quarantine GROUP BY ALL
UNION ALL
SELECT
  source_system, 'duplicates', kind, COALESCE(currency, ''), COUNT(*), SUM(amount_original)
FROM silver.duplicates GROUP BY ALL
UNION ALL
SELECT source_system, 'rejected', reason_code, '', COUNT(*), NULL FROM bronze.rejected GROUP BY ALL
ORDER BY ALL

-- Grain: one order line that is valid and repeats no other.
-- Inputs: checked order lines, duplicates.
-- Questionable: with `vault: true` these lines are read from the Data Vault.
SELECT l.*
FROM silver.order_lines AS l
LEFT ANTI JOIN silver.duplicates AS d ON d.batch_id = l.batch_id AND d.source_row = l.source_row AND d.line_part = l.line_part
WHERE l.reason_code IS NULL

-- Grain: one order line that is valid, whether or not it counts.
-- Inputs: checked order lines, duplicates.
-- Questionable: what is said of a line is what was delivered; euros, type and region follow from today's rules and are not.
SELECT
  *,
  HASH_OF(
    CAST(UNIX_MICROS(order_ts) AS STRING), line_class, country, channel, CAST(is_cancellation AS STRING),
    CAST(quantity AS STRING), CAST(unit_price AS STRING), CAST(list_price AS STRING), CAST(amount_original AS STRING),
    CAST(tax_original AS STRING), CAST(cost_original AS STRING), unit_of_measure, currency
  ) AS hashdiff
FROM (
  SELECT l.*, a.place_hash IS NOT NULL AS may_be_said_again -- what gave way, and what it gave way to
  FROM silver.order_lines AS l
  LEFT JOIN (
    SELECT XXHASH64(STRUCT(batch_id, source_row)) AS place_hash FROM silver.duplicates
    UNION
    SELECT XXHASH64(STRUCT(kept_batch_id, kept_source_row)) FROM silver.duplicates WHERE kept_source_row IS NOT NULL
  ) AS a ON a.place_hash = XXHASH64(STRUCT(l.batch_id, l.source_row)) -- a 64-bit hash: one line more does no harm
  WHERE l.reason_code IS NULL
) AS valid

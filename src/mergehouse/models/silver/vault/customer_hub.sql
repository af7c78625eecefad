-- Grain: one customer number of one brand, and the ghost.
-- Inputs: order lines, the unusable ones too; every delivered version of registered customers.
-- Questionable: the hub is of brands' own numbers; who is whom is said by the same-as link. Guests are the ghost, so that a join
-- with the hub loses no sales.
SELECT
  HASH_OF(source_system, source_customer_id) AS customer_hk,
  source_system, source_customer_id,
  MIN(load_ts) AS load_ts,
  SUBSTR(MIN(CONCAT(CAST(UNIX_MICROS(load_ts) AS STRING), record_source)), 17) AS record_source -- of two at one moment one, on any engine
FROM (
  SELECT source_system, customer_code AS source_customer_id, ingest_ts AS load_ts, batch_id AS record_source
  FROM silver.order_lines WHERE customer_code IS NOT NULL
  UNION ALL
  SELECT source_system, customer_code, ingest_ts, batch_id FROM staging.customers_delivered
) AS delivered
GROUP BY source_system, source_customer_id
UNION ALL
SELECT '00000000000000000000000000000000', '', NULL, TIMESTAMP'1900-01-01 00:00:00', 'ghost'

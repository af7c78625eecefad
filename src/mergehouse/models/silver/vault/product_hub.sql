-- Grain: one product code of one brand.
-- Inputs: order lines, the unusable ones too; every delivered version of catalogues.
-- Questionable: the hub is of brands' own codes; which of them are one article is not said here.
SELECT
  HASH_OF(source_system, product_code) AS product_hk,
  source_system, product_code,
  MIN(load_ts) AS load_ts,
  SUBSTR(MIN(CONCAT(CAST(UNIX_MICROS(load_ts) AS STRING), record_source)), 17) AS record_source -- of two at one moment one, on any engine
FROM (
  SELECT source_system, product_code, ingest_ts AS load_ts, batch_id AS record_source
  FROM silver.order_lines WHERE product_code IS NOT NULL
  UNION ALL
  SELECT source_system, product_code, ingest_ts, batch_id FROM staging.products_delivered
) AS delivered
GROUP BY source_system, product_code

-- Grain: one delivered version of a registered product that says something else than was said before.
-- Inputs: every delivered version of catalogues.
-- Questionable: of versions that say since when they hold, one is left out that repeats what was last loaded for that moment; of
-- others, one that repeats what was last loaded at all. Nobody's end is kept: staging.product_history tells it.
SELECT
  HASH_OF(source_system, product_code) AS product_hk,
  source_system, product_code, ingest_ts AS load_ts, batch_id AS record_source, source_row, effective_from,
  hashdiff, is_deleted, product_name, source_department, source_category, product_brand, color, size, gender, list_price, unit_cost
FROM (
  SELECT
    *,
    LAG(hashdiff) OVER (
      PARTITION BY source_system, product_code, CASE WHEN is_dated THEN effective_from END ORDER BY ingest_ts, source_row
    ) AS said_before
  FROM (
    SELECT
      *,
      HASH_OF(
        CAST(is_deleted AS STRING), product_name, source_department, source_category, product_brand, color, size, gender, CAST(list_price AS STRING), CAST(unit_cost AS STRING)
      ) AS hashdiff
    FROM staging.products_delivered
  ) AS hashed
) AS compared
WHERE said_before IS NULL OR said_before <> hashdiff

-- Grain: one delivered version of a registered customer that says something else than was said before.
-- Inputs: every delivered version of registered customers.
-- Questionable: of versions that say since when they hold, one is left out that repeats what was last loaded for that moment; of
-- others, one that repeats what was last loaded at all. Nobody's end is kept: staging.customer_history tells it.
SELECT
  HASH_OF(source_system, customer_code) AS customer_hk,
  source_system, customer_code AS source_customer_id, ingest_ts AS load_ts, batch_id AS record_source, source_row, effective_from,
  hashdiff, is_deleted, country, age_range, gender, signup_date
FROM (
  SELECT
    *,
    LAG(hashdiff) OVER (
      PARTITION BY source_system, customer_code, CASE WHEN is_dated THEN effective_from END ORDER BY ingest_ts, source_row
    ) AS said_before
  FROM (
    SELECT
      *,
      HASH_OF(
        CAST(is_deleted AS STRING), country, age_range, gender, CAST(signup_date AS STRING)
      ) AS hashdiff
    FROM staging.customers_delivered
  ) AS hashed
) AS compared
WHERE said_before IS NULL OR said_before <> hashdiff

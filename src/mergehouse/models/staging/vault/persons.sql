-- Grain: one registered customer of a brand.
-- Inputs: every delivered version of customers.
-- Questionable: who somebody is stays out of the vault, so it is read where the vault is made from: the version that holds now.
SELECT *
FROM (
  SELECT
    *,
    ROW_NUMBER() OVER (
      PARTITION BY source_system, customer_code ORDER BY effective_from DESC, ingest_ts DESC, source_row DESC
    ) AS place
  FROM staging.customers_delivered
) AS placed
WHERE place = 1 AND NOT is_deleted

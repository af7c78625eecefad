-- Grain: one registered customer of a brand.
-- Inputs: registered customers.
-- Questionable: with `vault: true` they are read from all versions that were delivered, as the vault itself is.
SELECT * FROM staging.customers WHERE customer_code IS NOT NULL

-- What was delivered, as it was loaded.
-- by brand
SELECT source_system, source_table, source_file, status, rows, rejected_rows, size_bytes, ingest_ts
FROM bronze.batches ORDER BY source_system, source_table, ingest_ts, source_file

-- Every delivered file, as it was loaded.
SELECT * FROM cube.deliveries WHERE $brand IS NULL OR source_system = $brand
ORDER BY source_system, ingest_ts DESC, source_table, source_file

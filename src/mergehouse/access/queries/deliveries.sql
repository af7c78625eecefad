-- Every delivered file, as it was loaded.
SELECT * FROM cube.deliveries WHERE $brand IS NULL OR source_system = $brand
ORDER BY source_system, CAST(ingest_ts AS DATE) DESC, source_table, source_file, ingest_ts DESC

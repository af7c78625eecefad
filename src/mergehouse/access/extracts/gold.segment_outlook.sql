-- What each segment is expected to buy.
SELECT * FROM gold.segment_outlook ORDER BY source_system, segment

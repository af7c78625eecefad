-- What each segment is expected to buy.
SELECT * FROM gold.segment_outlook WHERE source_system = $brand ORDER BY segment = 'all', value_365d_eur DESC NULLS LAST, segment

-- Notes on days, the newest first. Those on all brands together are on each of them.
SELECT day, source_system, who, text FROM mapping.annotations
WHERE
  ($brand IS NULL OR source_system IN ($brand, 'group')) AND ($since IS NULL OR day >= $since) AND ($until IS NULL OR day <= $until)
ORDER BY day DESC, source_system, text

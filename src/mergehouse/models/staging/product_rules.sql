-- Grain: one rule of one brand's line_types.csv or category_map.csv.
-- Inputs: these files.
-- Questionable: patterns are upper case by the engine that reads the names, since engines differ in some letters.
SELECT
  source_system, 'line_class' AS gives, CAST(rule_no AS INT) AS rule_no, match, pattern,
  FOLDED(value_pattern) AS value_pattern, FOLDED(name_pattern) AS name_pattern, FOLDED(name_part) AS name_part
FROM mapping.line_types
UNION ALL
SELECT
  source_system, 'category' AS gives, CAST(rule_no AS INT) AS rule_no, match, pattern,
  FOLDED(value_pattern) AS value_pattern, FOLDED(name_pattern) AS name_pattern, FOLDED(name_part) AS name_part
FROM mapping.category_map

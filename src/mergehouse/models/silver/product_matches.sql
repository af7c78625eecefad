-- Grain: one product code of one brand and one rule that matches it.
-- Inputs: products with the words of their names, rules.
-- Questionable: only `*` is special in a pattern. Where no wildcard stands within it, a name is searched for the text, since
-- Spark makes a regular expression of each pattern for each name.
SELECT p.source_system, p.product_code, r.gives, r.rule_no
FROM staging.product_words AS p
JOIN staging.product_rules AS r
  ON r.source_system = p.source_system
  AND CASE
    WHEN r.match = 'code' THEN FOLDED(p.product_code) LIKE r.value_pattern ESCAPE '\\'
    WHEN r.match = 'category' THEN FOLDED(p.source_category) LIKE r.value_pattern ESCAPE '\\'
    WHEN r.name_part IS NULL THEN p.name_words LIKE r.name_pattern
    ELSE CONTAINS(p.name_words, r.name_part)
  END

-- Grain: one product code of one brand.
-- Inputs: products on order lines and in catalogues; each brand's line_types.csv and category_map.csv; the hierarchy.
-- Questionable: rules are read in file order and the first that matches wins; a `name` rule matches whole words.
-- A product that no rule maps is `Unmapped`, and listed by the quality report with its GMV.
WITH products AS (
  SELECT
    COALESCE(s.source_system, c.source_system)     AS source_system,
    COALESCE(s.product_code, c.product_code)       AS product_code,
    COALESCE(c.product_name, s.product_name)       AS product_name,
    c.source_category,
    s.line_class
  FROM staging.products_seen AS s
  FULL OUTER JOIN staging.products AS c
    ON c.source_system = s.source_system AND c.product_code = s.product_code
),
words AS (
  SELECT *, CONCAT(' ', TRIM(REGEXP_REPLACE(UPPER(COALESCE(product_name, '')), '[^A-Z0-9]+', ' ')), ' ') AS name_words
  FROM products
),
rules AS (
  SELECT source_system, 'line_class' AS gives, CAST(rule_no AS INT) AS rule_no, match, pattern,
    code_pattern, name_pattern, name_part
  FROM mapping.line_types
  UNION ALL
  SELECT source_system, 'category' AS gives, CAST(rule_no AS INT) AS rule_no, match, pattern,
    code_pattern, name_pattern, name_part
  FROM mapping.category_map
),
first_rules AS (
  SELECT
    p.source_system,
    p.product_code,
    MIN(CASE WHEN r.gives = 'line_class' THEN r.rule_no END)  AS line_class_rule,
    MIN(CASE WHEN r.gives = 'category' THEN r.rule_no END)    AS category_rule
  FROM words AS p
  JOIN rules AS r
    ON r.source_system = p.source_system
    AND CASE
      WHEN r.match = 'code' THEN p.product_code LIKE r.code_pattern
      WHEN r.match = 'name' AND r.name_part IS NULL THEN p.name_words LIKE r.name_pattern
      WHEN r.match = 'name' THEN CONTAINS(p.name_words, r.name_part)
      ELSE r.gives = 'category' AND UPPER(p.source_category) = UPPER(r.pattern)
    END
  GROUP BY p.source_system, p.product_code
)
SELECT
  p.source_system,
  p.product_code,
  CONCAT(p.source_system, ':', p.product_code)     AS product_id,
  p.product_name,
  p.source_category,
  COALESCE(t.line_class, p.line_class)             AS line_class,
  CASE WHEN COALESCE(t.line_class, p.line_class) IS NULL THEN COALESCE(m.department, 'Unmapped') ELSE 'Non-merchandise' END AS department,
  CASE WHEN COALESCE(t.line_class, p.line_class) IS NULL THEN COALESCE(m.category, 'Unmapped') ELSE 'Non-merchandise' END   AS category,
  CASE WHEN t.line_class IS NOT NULL THEN t.pattern WHEN p.line_class IS NULL THEN m.pattern END      AS matched_rule
FROM words AS p
LEFT JOIN first_rules AS f ON f.source_system = p.source_system AND f.product_code = p.product_code
LEFT JOIN mapping.line_types AS t ON t.source_system = f.source_system AND CAST(t.rule_no AS INT) = f.line_class_rule
LEFT JOIN mapping.category_map AS m ON m.source_system = f.source_system AND CAST(m.rule_no AS INT) = f.category_rule

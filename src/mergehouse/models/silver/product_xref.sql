-- Grain: one product code of one brand.
-- Inputs: products on order lines and in catalogues; the rules that match them, of each brand's line_types.csv and category_map.csv.
-- Questionable: rules are read in file order and the first that matches wins; a `name` rule matches whole words.
-- A product that no rule maps is `Unmapped`, and listed by the quality report with its GMV.
WITH first_rules AS (
  SELECT
    source_system,
    product_code,
    MIN(CASE WHEN gives = 'line_class' THEN rule_no END)  AS line_class_rule,
    MIN(CASE WHEN gives = 'category' THEN rule_no END)    AS category_rule
  FROM silver.product_matches
  GROUP BY source_system, product_code
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
FROM staging.product_words AS p
LEFT JOIN first_rules AS f ON f.source_system = p.source_system AND f.product_code = p.product_code
LEFT JOIN mapping.line_types AS t ON t.source_system = f.source_system AND CAST(t.rule_no AS INT) = f.line_class_rule
LEFT JOIN mapping.category_map AS m ON m.source_system = f.source_system AND CAST(m.rule_no AS INT) = f.category_rule

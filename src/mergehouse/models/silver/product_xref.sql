-- Grain: one product code of one brand.
-- Inputs: products on order lines and in catalogues, the rules of their brands that match them, groups of the same item.
-- Questionable: rules are read in file order and the first that matches wins; a `name` rule matches whole words.
-- A product that no rule maps stands where its brand put it, if brand.yml says `hierarchy: own`; else it is `Unmapped`, and
-- listed by the quality report with its GMV. A brand whose tree has one level has a department for each category.
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
  COALESCE(g.group_product_id, CONCAT(p.source_system, ':', p.product_code)) AS group_product_id,
  p.source_category,
  COALESCE(t.line_class, p.line_class)             AS line_class,
  CASE
    WHEN COALESCE(t.line_class, p.line_class) IS NOT NULL THEN 'Non-merchandise'
    WHEN m.department IS NOT NULL THEN m.department
    WHEN b.hierarchy = 'own' THEN COALESCE(p.source_department, p.source_category, 'Unmapped')
    ELSE 'Unmapped'
  END                                              AS department,
  CASE
    WHEN COALESCE(t.line_class, p.line_class) IS NOT NULL THEN 'Non-merchandise'
    WHEN m.category IS NOT NULL THEN m.category
    WHEN b.hierarchy = 'own' THEN COALESCE(p.source_category, p.source_department, 'Unmapped')
    ELSE 'Unmapped'
  END                                              AS category,
  CASE WHEN t.line_class IS NOT NULL THEN t.pattern WHEN p.line_class IS NULL THEN m.pattern END AS matched_rule
FROM staging.product_words AS p
JOIN mapping.brands AS b ON b.source_system = p.source_system
LEFT JOIN first_rules AS f ON f.source_system = p.source_system AND f.product_code = p.product_code
LEFT JOIN mapping.line_types AS t ON t.source_system = f.source_system AND CAST(t.rule_no AS INT) = f.line_class_rule
LEFT JOIN mapping.category_map AS m ON m.source_system = f.source_system AND CAST(m.rule_no AS INT) = f.category_rule
LEFT JOIN mapping.product_groups AS g ON g.source_system = p.source_system AND g.product_code = p.product_code

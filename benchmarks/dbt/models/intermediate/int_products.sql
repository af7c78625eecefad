WITH seen AS (
  SELECT source_system, product_code, MIN(order_date) AS first_seen FROM {{ ref('int_order_lines') }} GROUP BY ALL
),
named AS (
  SELECT
    COALESCE(s.source_system, 'contoso') AS source_system, COALESCE(s.product_code, c.product_code) AS product_code,
    COALESCE(c.product_name, n.product_name) AS product_name, c.source_category, c.product_brand, c.color, c.size, c.gender,
    c.unit_cost, s.first_seen,
    ' ' || TRIM(REGEXP_REPLACE(UPPER(COALESCE(c.product_name, n.product_name, '')), '[^\p{L}\p{N}]+', ' ', 'g')) || ' ' AS words
  FROM seen AS s
  FULL JOIN {{ ref('stg_contoso__products') }} AS c ON s.source_system = 'contoso' AND c.product_code = s.product_code
  LEFT JOIN {{ ref('int_product_names') }} AS n ON n.source_system = s.source_system AND n.product_code = s.product_code
),
classes AS (
  SELECT n.source_system, n.product_code, MIN_BY(r.line_class, r.rule_no) AS line_class
  FROM named AS n JOIN {{ ref('line_types') }} AS r
    ON r.source_system = n.source_system AND n.product_code LIKE REPLACE(r.pattern, '*', '%')
  GROUP BY ALL
),
places AS (
  SELECT n.source_system, n.product_code, MIN_BY(r.department, r.rule_no) AS department, MIN_BY(r.category, r.rule_no) AS category
  FROM named AS n JOIN {{ ref('category_map') }} AS r
    ON r.source_system = n.source_system
    AND CASE r.match
      WHEN 'name' THEN n.words LIKE '% ' || REPLACE(r.pattern, '*', '%') || ' %'
      WHEN 'category' THEN UPPER(n.source_category) LIKE UPPER(REPLACE(r.pattern, '*', '%'))
      ELSE n.product_code LIKE REPLACE(r.pattern, '*', '%')
    END
  GROUP BY ALL
)
SELECT
  n.* EXCLUDE (words), n.source_system || ':' || n.product_code AS product_id, c.line_class,
  CASE WHEN c.line_class IS NULL THEN COALESCE(p.department, 'Unmapped') ELSE 'Non-merchandise' END AS department,
  CASE WHEN c.line_class IS NULL THEN COALESCE(p.category, 'Unmapped') ELSE 'Non-merchandise' END AS category,
  COALESCE(h.cost_rate, u.cost_rate) AS cost_rate
FROM named AS n
LEFT JOIN classes AS c USING (source_system, product_code)
LEFT JOIN places AS p USING (source_system, product_code)
LEFT JOIN {{ ref('hierarchy') }} AS h ON h.department = p.department AND h.category = p.category
CROSS JOIN (SELECT cost_rate FROM {{ ref('hierarchy') }} WHERE department = 'Unmapped') AS u

-- Grain: one product code of one brand.
-- Inputs: products on order lines and in catalogues.
-- Questionable: the words of a name are its letters and digits, in any script; all else parts words. Rules are read alike.
SELECT
  COALESCE(s.source_system, c.source_system)     AS source_system,
  COALESCE(s.product_code, c.product_code)       AS product_code,
  COALESCE(c.product_name, s.product_name)       AS product_name,
  CONCAT(
    ' ', TRIM(REGEXP_REPLACE(FOLDED(COALESCE(c.product_name, s.product_name, '')), '[^\\p{L}\\p{M}\\p{N}]+', ' ')), ' '
  )                                              AS name_words,
  c.source_department,
  c.source_category,
  s.line_class
FROM staging.products_seen AS s
FULL OUTER JOIN staging.products AS c ON c.source_system = s.source_system AND c.product_code = s.product_code

-- Pairs of the two brands share one id; a customer is in one pair at most.
WITH customers AS (
  SELECT DISTINCT source_system, customer_code FROM {{ ref('int_order_lines') }} WHERE customer_code IS NOT NULL
  UNION SELECT 'contoso', customer_code FROM {{ ref('stg_contoso__customers') }}
),
pairs AS (
  SELECT
    source_system, source_customer_id::VARCHAR AS code, other_source_system, other_source_customer_id::VARCHAR AS other_code,
    LEAST(source_system || ':' || source_customer_id, other_source_system || ':' || other_source_customer_id) AS customer_id
  FROM {{ ref('customer_xref') }}
),
members AS (
  SELECT source_system, code, customer_id FROM pairs UNION SELECT other_source_system, other_code, customer_id FROM pairs
)
SELECT c.source_system, c.customer_code, COALESCE(m.customer_id, c.source_system || ':' || c.customer_code) AS customer_id
FROM customers AS c
LEFT JOIN members AS m ON m.source_system = c.source_system AND m.code = c.customer_code

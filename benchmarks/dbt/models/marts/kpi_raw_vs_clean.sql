SELECT 'eurostyle' AS source_system, 'raw' AS step, COUNT(*) AS lines FROM {{ ref('stg_eurostyle__sales') }}
UNION ALL SELECT 'contoso', 'raw', COUNT(*) FROM {{ ref('stg_contoso__salesitems') }}
UNION ALL SELECT source_system, line_type, COUNT(*) FROM {{ ref('fct_order_lines') }} GROUP BY ALL

-- The last version of each line, with the header of its order.
SELECT i.*, s.customer_code, s.country, s.channel
FROM (SELECT DISTINCT * FROM {{ ref('stg_contoso__salesitems') }}) AS i
JOIN {{ ref('stg_contoso__sales') }} AS s USING (order_id)
QUALIFY ROW_NUMBER() OVER (PARTITION BY i.line_id ORDER BY i.order_date DESC) = 1

-- The customers of a campaign, the most valuable first until so many are written to, with the numbers that brands know them
-- by, and who is set aside: a hash of the scope's key says so, the same at every call.
-- choose whole: all = gold.customer_360; brand = gold.customer_brand_360
WITH chosen AS (
  SELECT
    customer_id, source_system, segment, risk_band, country_code, recency_days, frequency, monetary_eur, clv_12m_eur,
    CAST('0x' || substr(sha256('control' || customer_id), 1, 8) AS BIGINT) / 4294967296.0 < $control AS is_control
  FROM {whole}
  WHERE
    ($brand IS NULL OR source_system = $brand) AND ($region IS NULL OR region = $region)
    AND ($country IS NULL OR country_code = $country) AND ($segment IS NULL OR segment = $segment)
    AND ($risk IS NULL OR COALESCE(risk_band, 'none') = $risk) AND frequency >= GREATEST($orders_from, 1)
    AND recency_days >= $days_from AND ($days_below IS NULL OR recency_days < $days_below)
    AND GREATEST(monetary_eur, 0) >= $eur_from
  ORDER BY COALESCE(clv_12m_eur, 0) DESC, monetary_eur DESC, customer_id, source_system LIMIT $most
),
paid AS (
  SELECT *, COUNT_IF(NOT is_control) OVER (
    ORDER BY COALESCE(clv_12m_eur, 0) DESC, monetary_eur DESC, customer_id, source_system ROWS UNBOUNDED PRECEDING
  ) AS written_to
  FROM chosen
),
numbers AS (
  SELECT customer_id, STRING_AGG(source_system || ':' || source_customer_id, ' ' ORDER BY source_system, source_customer_id)
  AS brand_numbers
  FROM lookup.numbers
  WHERE ($brand IS NULL OR source_system = $brand) AND customer_id IN (SELECT customer_id FROM chosen)
  GROUP BY customer_id
)
SELECT
  c.customer_id AS customer, n.brand_numbers, CASE WHEN c.is_control THEN 'control' ELSE 'contact' END AS part, c.segment,
  c.risk_band, c.country_code AS country, c.recency_days AS days_since_purchase, c.frequency AS orders,
  c.monetary_eur AS net_revenue_eur, c.clv_12m_eur
FROM paid AS c LEFT JOIN numbers AS n USING (customer_id)
WHERE $contacts IS NULL OR c.written_to <= $contacts
ORDER BY COALESCE(c.clv_12m_eur, 0) DESC, c.monetary_eur DESC, c.customer_id, c.source_system

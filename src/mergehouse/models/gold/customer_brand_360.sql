-- Grain: one unified customer at one brand.
-- Inputs: orders, order lines for categories, customers, brands' as-of dates, the segment table.
-- Questionable: customers who never bought are kept as `Prospects` without scores. A quintile score is 1 + floor(5 x share of
-- buyers ranked below), so equal values get equal scores whatever the order of rows.
WITH spending AS (
  SELECT
    customer_id, source_system,
    MIN(CASE WHEN is_sale THEN order_date END)   AS first_order_date,
    MAX(CASE WHEN is_sale THEN order_date END)   AS last_order_date,
    COUNT_IF(is_sale)                            AS frequency,
    SUM(units)                                   AS units,
    SUM(gmv_eur)                                 AS gmv_eur,
    SUM(returns_eur)                             AS returns_eur,
    SUM(margin_eur)                              AS margin_eur
  FROM silver.orders
  WHERE customer_id IS NOT NULL
  GROUP BY customer_id, source_system
),
diversity AS (
  SELECT customer_id, source_system, COUNT(DISTINCT category) AS categories
  FROM silver.sales_clean
  WHERE customer_id IS NOT NULL AND line_type = 'sale'
  GROUP BY customer_id, source_system
),
known AS (
  SELECT
    customer_id, source_system,
    MIN(country_code) AS country_code,
    MIN(region)       AS region
  FROM silver.customers_clean
  GROUP BY customer_id, source_system
),
joined AS (
  SELECT
    k.customer_id, k.source_system, k.country_code, k.region,
    s.first_order_date, s.last_order_date,
    DATEDIFF(b.as_of_date, s.last_order_date)                       AS recency_days,
    COALESCE(s.frequency, 0)                                        AS frequency,
    COALESCE(s.gmv_eur, 0) - COALESCE(s.returns_eur, 0)             AS monetary_eur,
    COALESCE(s.gmv_eur, 0)                                          AS gmv_eur,
    COALESCE(s.returns_eur, 0)                                      AS returns_eur,
    COALESCE(s.margin_eur, 0)                                       AS margin_eur,
    COALESCE(s.units, 0)                                            AS units,
    COALESCE(d.categories, 0)                                       AS categories,
    COALESCE(s.frequency, 0) > 0                                    AS is_buyer,
    g.brands > 1                                                    AS is_cross_brand,
    b.as_of_date
  FROM known AS k
  JOIN gold.dim_brand AS b ON b.source_system = k.source_system
  JOIN gold.dim_customer AS g ON g.customer_id = k.customer_id
  LEFT JOIN spending AS s ON s.customer_id = k.customer_id AND s.source_system = k.source_system
  LEFT JOIN diversity AS d ON d.customer_id = k.customer_id AND d.source_system = k.source_system
),
scored AS (
  SELECT
    *,
    1 + 5 * (RANK() OVER (PARTITION BY source_system, is_buyer ORDER BY recency_days DESC) - 1)
      DIV COUNT(*) OVER (PARTITION BY source_system, is_buyer)      AS r,
    1 + 5 * (RANK() OVER (PARTITION BY source_system, is_buyer ORDER BY frequency) - 1)
      DIV COUNT(*) OVER (PARTITION BY source_system, is_buyer)      AS f,
    1 + 5 * (RANK() OVER (PARTITION BY source_system, is_buyer ORDER BY monetary_eur) - 1)
      DIV COUNT(*) OVER (PARTITION BY source_system, is_buyer)      AS m
  FROM joined
)
SELECT
  c.customer_id, c.source_system, c.country_code, c.region,
  c.first_order_date, c.last_order_date, c.recency_days, c.frequency, c.monetary_eur,
  c.gmv_eur, c.returns_eur, c.margin_eur, c.units, c.categories, c.is_cross_brand,
  CASE WHEN c.is_buyer THEN c.r END                                 AS r_score,
  CASE WHEN c.is_buyer THEN c.f END                                 AS f_score,
  CASE WHEN c.is_buyer THEN c.m END                                 AS m_score,
  COALESCE(s.segment, 'Prospects')                                  AS segment,
  CASE WHEN c.is_buyer THEN c.recency_days > CAST(t.churn_after_days AS INT) END AS is_churned,
  c.as_of_date
FROM scored AS c
CROSS JOIN mapping.settings AS t
LEFT JOIN mapping.rfm_segments AS s
  ON c.is_buyer AND CAST(s.r_score AS INT) = c.r AND CAST(s.f_score AS INT) = c.f

-- Customers who have bought, money and expected value by one thing, of a brand, of all together (`group`), or NULL: of each brand, added up.
-- A part without a name: groups of fewer than five customers, told together. `churned` is NULL where fewer than five have, or have not.
-- choose by: all = 'all'; segment = segment; region = region; brand = source_system
WITH counted AS (
  SELECT
    {by} AS part, CAST(SUM(customers) AS BIGINT) AS customers, CAST(SUM(orders) AS BIGINT) AS orders,
    SUM(net_revenue_eur) AS net_revenue, SUM(margin_eur) AS margin, SUM(gmv_eur) AS gmv, SUM(returns_eur) AS returns,
    SUM(clv_12m_eur) AS clv_12m
  FROM cube.segments
  WHERE
    (source_system = $brand OR $brand IS NULL AND source_system <> 'group') AND ($region IS NULL OR region = $region)
    AND ($country IS NULL OR country_code = $country) AND ($segment IS NULL OR segment = $segment)
  GROUP BY 1
),
gone AS (
  SELECT {by} AS part, CAST(SUM(customers) AS BIGINT) AS customers, CAST(SUM(churned) AS BIGINT) AS churned
  FROM cube.churned
  WHERE
    (source_system = $brand OR $brand IS NULL AND source_system <> 'group') AND ($region IS NULL OR region = $region)
    AND ($country IS NULL OR country_code = $country) AND ($segment IS NULL OR segment = $segment)
  GROUP BY 1
)
SELECT * FROM counted LEFT JOIN gone USING (part, customers) ORDER BY net_revenue DESC, part

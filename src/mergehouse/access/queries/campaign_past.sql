-- Whom the same rule would have chosen at past cut-offs, and how many of them came back within 90 days by themselves: margin
-- and its squares are theirs. Segments and risk of then are not known.
SELECT
  source_system, cutoff_date, CAST(SUM(customers) AS BIGINT) AS customers, CAST(SUM(came_back) AS BIGINT) AS came_back,
  SUM(margin_90d_eur) AS margin, SUM(margin_90d_squared) AS margin_squared
FROM cube.past
WHERE
  ($brand IS NULL OR source_system = $brand) AND ($region IS NULL OR region = $region)
  AND ($country IS NULL OR country_code = $country) AND days >= $days_from AND ($days_below IS NULL OR days < $days_below)
  AND from_orders >= $orders_from AND from_eur >= $eur_from
GROUP BY ALL ORDER BY ALL

-- What the brands are called that the scope has sales of, and the limit beyond which a customer counts as churned: settings, which a
-- scope that is cut by country has, too.
SELECT source_system, b.label, CAST(c.churn_after_days AS INT) AS churn_after_days
FROM mapping.brands AS b JOIN mapping.churn_days AS c USING (source_system)
WHERE source_system IN (SELECT source_system FROM gold.sales_daily) ORDER BY source_system

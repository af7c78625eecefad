-- The brands of the scope, each with its clock and the limit beyond which a customer counts as churned.
SELECT b.*, CAST(c.churn_after_days AS INT) AS churn_after_days
FROM gold.dim_brand AS b JOIN mapping.churn_days AS c USING (source_system) ORDER BY source_system

-- The brands of the scope.
SELECT * FROM gold.dim_brand ORDER BY label, source_system

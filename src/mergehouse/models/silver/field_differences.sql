-- Grain: one disagreement: a key, and the two values that two tables of its brand carry for one field.
-- Inputs: the fields that brands declare under `reconcile`, compared between their sources.
-- Questionable: values are text, whatever their type, since fields of all kinds stand below one another.
SELECT source_system, field, key_column, key_value, used, other
FROM staging.field_differences

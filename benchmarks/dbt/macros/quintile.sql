-- 1 for the lowest fifth to 5 for the highest; equal values get equal scores.
{% macro quintile(order_by, within) %}
1 + 5 * (RANK() OVER (PARTITION BY {{ within }} ORDER BY {{ order_by }}) - 1) // COUNT(*) OVER (PARTITION BY {{ within }})
{% endmacro %}

-- Money in euros, rounded once, at the line.
{% macro euro(amount, rate) %}CAST(ROUND(({{ amount }}) * ({{ rate }}), 2) AS DECIMAL(18, 2)){% endmacro %}

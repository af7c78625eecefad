"""The KPI catalogue: each KPI is defined once and rendered as SQL and documentation."""

"""Power BI: a semantic model and a report, written from contracts, the KPI catalogue and access.yml."""

"""Pictures of the generated report for who has no Power BI: its own pages, with figures from Gold."""

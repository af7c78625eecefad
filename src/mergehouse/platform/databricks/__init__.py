"""Databricks: an Asset Bundle, Unity Catalog, metric views, a dashboard, notebooks."""

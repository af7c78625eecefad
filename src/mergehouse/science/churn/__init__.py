"""Churn: who will not buy for 90 days."""

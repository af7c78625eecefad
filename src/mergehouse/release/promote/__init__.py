"""Releases from environment to environment, through gates, with an audit trail."""

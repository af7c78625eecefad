"""Contracts: the YAML beside a model, and where models are."""

"""Releases: Gold marts exported as Parquet with a manifest, verified where they arrive, ingested into Delta
tables there.
"""

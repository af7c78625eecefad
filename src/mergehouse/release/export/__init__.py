"""A release as it leaves: Parquet, manifest, evidence."""

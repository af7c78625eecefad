"""Where models are kept: files without pickle, MLflow, champions, provenance."""

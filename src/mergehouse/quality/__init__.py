"""Contract checks, field reconciliations, and the quality report."""

"""Customer lifetime value: net margin over the next 12 months."""

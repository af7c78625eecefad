"""Which customers of several brands are the same person: attributes, a linkage model, and what it finds."""

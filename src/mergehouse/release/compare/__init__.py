"""Whether two lakehouses hold the same."""

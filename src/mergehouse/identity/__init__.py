"""Which customers and which products of several brands are the same."""

"""`mergehouse profile`: what is in the tables, when a brand sells, how its customers come back, what the
brands share.

Every figure is computed by DuckDB over the published tables; Python holds classes, points and top values.
"""

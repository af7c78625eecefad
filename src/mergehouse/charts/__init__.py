"""Pages and figures: what every HTML page of ours looks like, and charts as inline SVG in its light and dark
palette.
"""

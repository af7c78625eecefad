"""How fast the web suite is: see `__main__.py`."""

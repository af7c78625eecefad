"""Delta tables: the only room that knows Delta."""

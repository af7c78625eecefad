"""How new deliveries reach a table: touched rows, affected slices, a plan for each table."""

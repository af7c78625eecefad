"""Charts and rows of tables as a page shows them, in its reader's locale."""

"""One file a page: each has `PAGE` and `router`, and is found by being here."""

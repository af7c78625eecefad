"""Who may see what: roles and rules of access.yml, files that hold no more, one gateway to them."""

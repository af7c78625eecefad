"""Care of a lakehouse that runs already."""

"""How well the same customers are found: FEBRL's records, and generated brands whose persons are known."""

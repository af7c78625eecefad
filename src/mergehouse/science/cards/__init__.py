"""Model cards: what each model is, how good it is, for whom, and its limits."""

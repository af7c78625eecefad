"""What models are given: features at past cut-offs and what came after."""

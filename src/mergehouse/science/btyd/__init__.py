"""Buy-till-you-die models: BG/NBD, Gamma-Gamma and lifetime value from both."""

"""Compare: two models on the same galaxies."""

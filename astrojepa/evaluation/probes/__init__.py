"""Classifiers and regressors fitted to frozen vectors, scored on other galaxies."""

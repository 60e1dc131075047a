"""What frozen vectors know: classifiers and regressors fitted on some galaxies and scored on
others.
"""

"""Scores that join two questions about a galaxy."""

from astrojepa.evaluation.anomalies.registry import combination

combination(
    "asymmetry-lof",
    "Asymmetry and local outlier factor",
    "the mean of its ranks by asymmetry and by local outlier factor",
    ("asymmetry", "lof"),
)

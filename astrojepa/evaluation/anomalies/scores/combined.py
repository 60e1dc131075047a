"""Scores that join two questions about a galaxy."""

from astrojepa.evaluation.anomalies.registry import combination

combination(
    "asymmetry-lof",
    "Asymmetry and local outlier factor",
    "the mean of ranks by asymmetry, which counts four times, and by local outlier factor",
    (*4 * ("asymmetry",), "lof"),  # docs/decisions/0005
)

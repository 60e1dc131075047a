"""How unusual each galaxy is: scores, leaderboards, and feedback from a person."""

DEFAULT = "asymmetry-lof"  # what lists the most anomalous galaxies: docs/decisions/0005
OF_VECTORS = "knn"  # what lists them where there is no model

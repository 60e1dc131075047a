"""How much a map separates galaxies by a column that says nothing of their shape."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

NUISANCES = ("source", "survey", "telescope", "instrument", "camera", "observatory")
NEIGHBOURS = 15
PLAIN = 0.3  # explained share from which a column is said to explain the map


@dataclass(frozen=True)
class Islands:
    """How far galaxies of one value lie together on a map."""

    share: float  # of the nearest on the map that have a galaxy's own value, in [0, 1]
    chance: float  # the same if the map knew nothing of the column

    @property
    def explained(self) -> float:
        """0 = as by chance, 1 = every galaxy lies among its own: (share − chance)/(1 − chance)."""
        return (self.share - self.chance) / (1 - self.chance) if self.chance < 1 else 0.0


def islands(places: np.ndarray, labels: np.ndarray, k: int = NEIGHBOURS) -> Islands:
    """Measure how far a column separates a map: positions (n, 2), labels int (n,), -1 = unknown.

    `share`: mean over galaxies of the share of their k nearest on the map, themselves excluded,
    that have their label. `chance`: Σ n_c (n_c − 1) / (n (n − 1)). Unknown galaxies are left out; k
    is lowered to n − 1. ValueError for another number of labels than positions, or fewer than two
    known.

    >>> import numpy as np
    >>> places = np.array([[0.0, 0], [1, 0], [9, 0], [10, 0]])
    >>> islands(places, np.array([0, 0, 1, 1]), k=1)
    Islands(share=1.0, chance=0.3333333333333333)
    """
    labels = np.asarray(labels)
    if len(places) != len(labels):
        raise ValueError(
            f"There are {len(places)} positions and {len(labels)} labels; give n each."
        )
    known = labels >= 0
    places, labels = np.asarray(places, dtype=np.float64)[known], labels[known]
    n = len(labels)
    if n < 2:
        raise ValueError(f"Expected at least 2 galaxies with a label, found {n}.")
    k = min(k, n - 1)
    near = cKDTree(places).query(places, k=k + 1)[1]
    own = np.arange(n)[:, None]
    # equal places may push a galaxy out of its own list: then the farthest goes instead
    others = near != own
    others[others.all(axis=1), -1] = False
    same = labels[near] == labels[:, None]
    counts = np.bincount(labels).astype(np.float64)
    return Islands(
        share=float((same & others).sum() / (n * k)),
        chance=float((counts * (counts - 1)).sum() / (n * (n - 1))),
    )

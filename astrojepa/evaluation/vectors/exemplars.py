"""A few galaxies that stand for many: one from each of as many clusters."""

from __future__ import annotations

import numpy as np
from sklearn.cluster import KMeans


def exemplars(
    features: np.ndarray, count: int, weights: np.ndarray | None = None, seed: int = 0
) -> np.ndarray:
    """Return the row nearest to the centre of each of `count` k-means clusters of features (n, D);
    all rows where there are no more. `weights` (n,) > 0 draw the centres to some rows.

    >>> sorted(exemplars(np.array([[0.0], [1], [2], [50], [51], [52]]), 2).tolist())
    [1, 4]
    """
    if len(features) <= count:
        return np.arange(len(features))
    found = KMeans(count, n_init=1, random_state=seed).fit(features, sample_weight=weights)
    gaps = np.linalg.norm(features - found.cluster_centers_[found.labels_], axis=1)
    order = np.lexsort((gaps, found.labels_))
    return order[np.unique(found.labels_[order], return_index=True)[1]]

"""Clusters of a store too large for memory: found in a sample, which every other galaxy joins."""

from __future__ import annotations

import hashlib

import numpy as np
from scipy.spatial import cKDTree

from astrojepa.cache import cache_path, load_arrays, save_arrays
from astrojepa.evaluation.maps.clusters import (
    COMPONENTS,
    SAMPLE,
    VERSION,
    Clustering,
    Clusters,
    read_clusters,
    two_levels,
)
from astrojepa.evaluation.maps.layouts import principal_axes
from astrojepa.evaluation.vectors.standardise import scaling_of
from astrojepa.evaluation.vectors.store import Store
from astrojepa.progress import Listener, reporting

SCALED = 20_000  # galaxies that deviations and components are measured on


def sample_of(count: int, seed: int = 0) -> np.ndarray:
    """Return the rows that `find_store_clusters` measures and names clusters on: int64, ascending.

    >>> sample_of(5).tolist()
    [0, 1, 2, 3, 4]
    """
    size = min(SCALED, count)
    return np.sort(np.random.default_rng(seed).choice(count, size, replace=False, shuffle=False))


def find_store_clusters(
    store: Store, seed: int = 0, *, cache: bool = True, progress: Listener = None
) -> Clusters:
    """Cluster the galaxies of a store as `find_clusters` does, whose vectors are read twice.

    Standard deviations and principal components are those of 20,000 galaxies, 5,000 of which are
    clustered; every galaxy joins the cluster of its nearest among these, or none. Labels are int16.
    """
    digest = hashlib.sha256(f"{VERSION} {seed} {SCALED} {store.hash}".encode()).hexdigest()[:24]
    path = cache_path("clusters", digest)
    if cache and (found := read_clusters(load_arrays(path), len(store))) is not None:
        return found
    rows = sample_of(len(store), seed)
    vectors = store.vectors_of(rows, progress)
    shift, factor = scaling_of([vectors])
    features = (vectors - shift) * factor
    mean, axes = principal_axes(features, COMPONENTS)
    generator = np.random.default_rng(seed)
    drawn = np.sort(generator.permutation(len(rows))[:SAMPLE])
    sample = (features[drawn] - mean) @ axes
    levels = two_levels(sample, generator, progress)
    near, tree = np.empty(len(store), np.int16), cKDTree(sample)
    with reporting(progress, len(store), "assigning galaxies") as report:
        for first, batch in store.batches():
            placed = ((batch - shift) * factor - mean) @ axes
            near[first : first + len(batch)] = tree.query(placed)[1]
            report(first + len(batch))
    found = Clusters(
        *(Clustering(one.labels.astype(np.int16)[near], one.stability) for one in levels)
    )
    if cache:
        stability = np.array([found.coarse.stability, found.fine.stability])
        save_arrays(path, coarse=found.coarse.labels, fine=found.fine.labels, stability=stability)
    return found

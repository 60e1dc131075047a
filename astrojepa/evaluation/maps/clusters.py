"""Clusters of galaxies in feature space, at two levels, as far as they are stable."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import product

import numpy as np
from scipy.spatial import cKDTree

from astrojepa.cache import load_arrays, save_arrays
from astrojepa.evaluation.batches import vectors_path
from astrojepa.evaluation.maps.layouts import principal_components
from astrojepa.evaluation.vectors.standardise import checked_vectors, standardise
from astrojepa.progress import Listener, reporting
from astrojepa.types import Embeddings

COMPONENTS = 5  # with 10 and 20 the same clusters are found, and are less stable
SAMPLE = 5000  # galaxies that are clustered; the others join their nearest
FEWEST = 100  # galaxies, below which there is nothing to find
STABLE = 0.5  # adjusted Rand index between the clusters of all and those of a random half
LARGEST = 0.8  # share of the galaxies; one cluster of nearly all separates nothing
_SHARES = (0.01, 0.02, 0.04)  # of the galaxies, that the smallest cluster holds
_NEIGHBOURS = (5, 10, 20)  # how smooth the density is
_SELECTIONS = ("eom", "leaf")
_HALVES = 6
_FINER = 1.5  # times as many clusters, from which on there are two levels
VERSION = 1  # part of the cache's key

Setting = tuple[float, int, str]


@dataclass(frozen=True)
class Clustering:
    """Which galaxies lie together, and whether another sample would say the same."""

    labels: np.ndarray  # integer (n,): 0 = the largest cluster; -1 = in none
    stability: float  # mean adjusted Rand index with random halves: 1 = the same, 0 = chance

    @property
    def count(self) -> int:
        """How many clusters there are."""
        return int(self.labels.max(initial=-1)) + 1

    @property
    def share(self) -> float:
        """The share of galaxies that lie in a cluster, in [0, 1]."""
        return float((self.labels >= 0).mean()) if len(self.labels) else 0.0


@dataclass(frozen=True)
class Clusters:
    """Two levels of clusters, both stable; the same one twice where there are no two."""

    coarse: Clustering
    fine: Clustering


def find_clusters(
    embeddings: Embeddings, seed: int = 0, *, cache: bool = True, progress: Listener = None
) -> Clusters:
    """Cluster galaxies by density (HDBSCAN) along the first 5 principal components.

    At most 5,000 galaxies, drawn with the seed, are clustered; every other one joins the cluster of
    its nearest among them, or none. Each of 18 settings (smallest cluster 1, 2 or 4 % of the
    galaxies; 5, 10 or 20 neighbours; "excess of mass" or leaves) is repeated on six random halves;
    the mean adjusted Rand index tells how far they agree with it about every galaxy of the sample,
    those in no cluster being a group of their own. A setting is stable from 0.5 on, unless one of
    its clusters holds over 80 % of the galaxies. `fine` is the stable setting with the largest
    product of index and number of clusters; `coarse` the one, of those with two thirds as many
    at most, with the largest product of index and share of galaxies in clusters. Where none is
    stable, all labels are -1 and `stability` is the best index that was found.

    Kept under `.cache/astrojepa/clusters-*.npz` by content, unless `cache` is False. ValueError for
    vectors that are not finite. *Source:* Campello et al. 2013, as scikit-learn; Hubert & Arabie
    1985 (adjusted Rand index).

    >>> import numpy as np
    >>> vectors = np.random.default_rng(0).normal(size=(400, 3))
    >>> vectors[::2] += 20
    >>> named = np.arange(400).astype(str)
    >>> found = find_clusters(Embeddings(vectors, np.full(400, -1), named, ()), cache=False)
    >>> found.coarse.count, round(found.coarse.stability, 1)
    (2, 1.0)
    """
    vectors = checked_vectors(embeddings)
    path = vectors_path("clusters", f"{VERSION} {seed}", vectors)
    if cache and (kept := read_clusters(load_arrays(path), len(vectors))) is not None:
        return kept
    (features,) = principal_components(standardise(vectors)[0], COMPONENTS)
    generator = np.random.default_rng(seed)
    drawn = np.sort(generator.permutation(len(features))[:SAMPLE])
    found = two_levels(features[drawn], generator, progress)
    near = cKDTree(features[drawn]).query(features)[1]
    clusters = Clusters(*(Clustering(one.labels[near], one.stability) for one in found))
    if cache:
        save_arrays(
            path,
            coarse=clusters.coarse.labels,
            fine=clusters.fine.labels,
            stability=np.array([clusters.coarse.stability, clusters.fine.stability]),
        )
    return clusters


def two_levels(
    features: np.ndarray, generator: np.random.Generator, progress: Listener
) -> tuple[Clustering, Clustering]:
    """Cluster a sample by each setting; returns the coarse and the fine one (`find_clusters`)."""
    n = len(features)
    nothing = np.full(n, -1, dtype=np.int64)
    if n < FEWEST or np.all(features == features[0]):
        return (Clustering(nothing, 0.0),) * 2
    halves = [generator.permutation(n)[: n // 2] for _ in range(_HALVES)]
    settings: list[Setting] = list(product(_SHARES, _NEIGHBOURS, _SELECTIONS))
    found = []
    with reporting(progress, len(settings) * (1 + _HALVES), "clustering") as report:
        for number, setting in enumerate(settings):
            first = number * (1 + _HALVES)
            found.append(_measured(features, halves, setting, partial(_advance, report, first)))
    best = max((one.stability for one in found), default=0.0)
    stable = [one for one in found if one.stability >= STABLE]
    if not stable:
        return (Clustering(nothing, max(best, 0.0)),) * 2
    fine = max(stable, key=lambda one: one.stability * one.count)
    fewer = [one for one in stable if _FINER * one.count <= fine.count]
    return max(fewer, key=lambda one: one.stability * one.share, default=fine), fine


def _advance(report: Callable[[int], None], before: int, steps: int) -> None:
    report(before + steps)


def _measured(
    features: np.ndarray, halves: list[np.ndarray], setting: Setting, report: Callable[[int], None]
) -> Clustering:
    """Cluster a sample by a setting, and its halves to see how far they agree."""
    from sklearn.metrics import adjusted_rand_score

    labels = _fitted(features, setting)
    report(1)
    sizes = np.bincount(labels[labels >= 0])
    if len(sizes) < 2 or sizes[0] > LARGEST * len(labels):
        return Clustering(labels, 0.0)
    agreed = []
    for number, half in enumerate(halves):
        near = cKDTree(features[half]).query(features)[1]
        agreed.append(adjusted_rand_score(labels, _fitted(features[half], setting)[near]))
        report(2 + number)
    return Clustering(labels, float(np.mean(agreed)))


def _fitted(features: np.ndarray, setting: Setting) -> np.ndarray:
    """Return HDBSCAN's labels, the largest cluster first: int64 (n,), -1 = none."""
    from sklearn.cluster import HDBSCAN

    share, neighbours, selection = setting
    found = HDBSCAN(
        min_cluster_size=max(5, round(share * len(features))),
        min_samples=neighbours,
        cluster_selection_method=selection,
        copy=True,
    ).fit(features.astype(np.float64))
    labels = np.asarray(found.labels_, dtype=np.int64)
    order = np.argsort(-np.bincount(labels[labels >= 0]), kind="stable")
    places = np.empty(len(order) + 1, dtype=np.int64)
    places[order], places[-1] = np.arange(len(order)), -1
    return places[labels]


def read_clusters(arrays: dict[str, np.ndarray] | None, count: int) -> Clusters | None:
    """Return what was kept of so many galaxies; None where it is not whole."""
    lengths = {"coarse": count, "fine": count, "stability": 2}
    if arrays is None or any(
        name not in arrays or arrays[name].shape != (n,) for name, n in lengths.items()
    ):
        return None
    stability = map(float, arrays["stability"])
    return Clusters(*(Clustering(arrays[name], next(stability)) for name in ("coarse", "fine")))

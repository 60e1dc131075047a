"""Recipes of the maps: standardised features in, coordinates out."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable

import numpy as np

from astrojepa.evaluation.vectors.neighbours import nearest
from astrojepa.evaluation.vectors.standardise import standardise
from astrojepa.types import Neighbours

Report = Callable[[int], None]  # takes per cent done

COMPONENTS = 50
UMAP_NEIGHBOURS = 15
UMAP_MIN_DIST = 0.1
TSNE_PERPLEXITY = 30.0
TSNE_ITERATIONS = (250, 500)  # with early exaggeration, without
GRAPH_NEIGHBOURS = int(3 * TSNE_PERPLEXITY)
_THREADED = 1000  # galaxies; below, threads wait for each other longer than they work


def recipe(method: str, count: int, seed: int) -> dict[str, str | int | float]:
    """Return what decides a map besides its vectors; fewer than 5 galaxies use "pca"."""
    if method == "pca" or count < 5:
        return {"method": "pca"}
    start: dict[str, str | int | float] = {
        "method": method,
        "seed": seed,
        "components": COMPONENTS,
        "start": "pca",
    }
    if method == "umap":
        return start | {
            "neighbours": min(UMAP_NEIGHBOURS, count),
            "min_dist": UMAP_MIN_DIST,
            "epochs": _epochs(count),
        }
    return start | {
        "perplexity": _perplexity(count),
        "iterations": sum(TSNE_ITERATIONS),
        "library": "openTSNE",
    }


def principal_axes(features: np.ndarray, components: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean (D,) and principal axes (D, components), float32; impossible axes are 0.

    Signs are fixed: the largest loading of each axis is positive.
    """
    possible = min(components, *features.shape)
    axes = np.zeros((features.shape[1], components), dtype=np.float32)
    if len(features) < 2 or not np.any(features != features[0]):
        return features.mean(axis=0), axes
    from sklearn.decomposition import PCA

    solver = "covariance_eigh" if features.shape[0] >= features.shape[1] else "full"
    fitted = PCA(possible, svd_solver=solver).fit(features.astype(np.float64))
    axes[:, :possible] = fitted.components_.T
    return fitted.mean_.astype(np.float32), axes


def principal_components(
    features: np.ndarray, components: int, *others: np.ndarray
) -> tuple[np.ndarray, ...]:
    """Return principal components and the others' projections: float32 (., components)."""
    mean, axes = principal_axes(features, components)
    return tuple((part - mean) @ axes for part in (features, *others))


def layout_features(vectors: np.ndarray, *others: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return the input of UMAP and t-SNE: standardised, first 50 components if D > 50."""
    features = standardise(vectors, *others)
    if vectors.shape[1] > COMPONENTS:
        return principal_components(features[0], COMPONENTS, *features[1:])
    return features


def neighbour_graph(features: np.ndarray) -> Neighbours:
    """Return each galaxy's 90 nearest, exact, shared by UMAP (first 14) and t-SNE."""
    distances, indices = nearest(
        features, features, GRAPH_NEIGHBOURS, exclude=np.arange(len(features))
    )
    return Neighbours(indices=indices.astype(np.int32), distances=distances)


def umap_layout(
    features: np.ndarray, graph: Neighbours, seed: int, report: Report, dimensions: int = 2
) -> np.ndarray:
    """UMAP (15 neighbours with itself, min_dist 0.1) from PCA: float32 (n, dims), n >= 5."""
    with warnings.catch_warnings():
        # umap announces that its optional Tensorflow part is absent
        warnings.simplefilter("ignore", ImportWarning)
        from umap.umap_ import find_ab_params, fuzzy_simplicial_set, simplicial_set_embedding
    count, others = len(features), min(UMAP_NEIGHBOURS, len(features)) - 1
    indices = np.column_stack([np.arange(count), graph.indices[:, :others]])
    distances = np.column_stack([np.zeros(count, np.float32), graph.distances[:, :others]])
    state = np.random.RandomState(seed)
    fuzzy, _, _ = fuzzy_simplicial_set(
        features, others + 1, state, "euclidean", knn_indices=indices, knn_dists=distances
    )
    a, b = find_ab_params(1.0, UMAP_MIN_DIST)
    report(5)
    layout, _ = simplicial_set_embedding(
        features,
        fuzzy,
        n_components=dimensions,
        initial_alpha=1.0,
        a=a,
        b=b,
        gamma=1.0,
        negative_sample_rate=5,
        n_epochs=_epochs(count),
        init=_start(features, state, dimensions),
        random_state=state,
        metric="euclidean",
        metric_kwds={},
        densmap=False,
        densmap_kwds={},
        output_dens=False,
        parallel=False,
        tqdm_kwds={"file": _PerCent(report), "bar_format": "{percentage:.0f}", "disable": False},
    )
    return layout


def tsne_layout(features: np.ndarray, graph: Neighbours, seed: int, report: Report) -> np.ndarray:
    """Lay out by t-SNE (perplexity 30, lowered to (n - 1) / 3) from a PCA start: (n, 2), n >= 5.

    Repulsion is interpolated on a grid from 10,000 galaxies on and by a quadtree below.
    """
    from openTSNE import TSNE
    from openTSNE.affinity import PerplexityBasedNN
    from openTSNE.nearest_neighbors import PrecomputedNeighbors

    perplexity = _perplexity(len(features))
    threads = min(4, os.cpu_count() or 1) if len(features) >= _THREADED else 1
    near = int(3 * perplexity)
    index = PrecomputedNeighbors(
        graph.indices[:, :near], graph.distances[:, :near].astype(np.float64)
    )
    affinities = PerplexityBasedNN(perplexity=perplexity, knn_index=index, n_jobs=threads)
    done = [0]

    def tell(iteration: int, error: float, layout: np.ndarray) -> None:
        done[0] += 10
        report(min(99, 100 * done[0] // sum(TSNE_ITERATIONS)))

    start = _start(features, np.random.RandomState(seed)).astype(np.float64)
    start *= 1e-4 / max(float(start[:, 0].std()), 1e-12)
    early, late = TSNE_ITERATIONS
    fit = TSNE(
        early_exaggeration_iter=early,
        n_iter=late,
        n_jobs=threads,
        random_state=seed,
        callbacks=[tell],
        callbacks_every_iters=10,
    )
    return np.asarray(fit.fit(affinities=affinities, initialization=start))


def _epochs(count: int) -> int:
    return 500 if count <= 10_000 else 200


def _perplexity(count: int) -> float:
    return min(TSNE_PERPLEXITY, (count - 1) / 3)


def _start(features: np.ndarray, state: np.random.RandomState, dimensions: int = 2) -> np.ndarray:
    """Return first components with a little noise, so that equal galaxies can separate."""
    (plane,) = principal_components(features, dimensions)
    return (plane + 1e-4 * max(float(plane.std()), 1e-6) * state.normal(size=plane.shape)).astype(
        np.float32
    )


class _PerCent:
    """Where UMAP's progress bar writes: a text stream that reports the numbers written to it."""

    def __init__(self, report: Report) -> None:
        self.report = report

    def write(self, text: str) -> None:
        """Take one drawing of the bar."""
        if text.strip().isdigit():
            self.report(min(99, max(5, int(text))))

    def flush(self) -> None:
        """Do nothing: nothing is held back."""

"""The recipes of the maps: standardised features in, coordinates out; UMAP and openTSNE are imported only when called."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable

import numpy as np
from sklearn.decomposition import PCA

from astrojepa.evaluation.neighbours import nearest

Report = Callable[[int], None]  # takes per cent done

UMAP_NEIGHBOURS = 15
UMAP_MIN_DIST = 0.1
TSNE_PERPLEXITY = 30.0


def principal_components(features: np.ndarray, components: int) -> np.ndarray:
    """Return the leading principal components, float32 (n, components), zeros where n or D allow fewer.

    Signs are fixed: the largest loading of each component is positive.
    """
    possible = min(components, *features.shape)
    found = np.zeros((len(features), components), dtype=np.float32)
    if len(features) > 1 and np.any(features != features[0]):
        solver = "covariance_eigh" if features.shape[0] >= features.shape[1] else "full"
        found[:, :possible] = PCA(possible, svd_solver=solver).fit_transform(features.astype(np.float64))
    return found


def umap_layout(features: np.ndarray, seed: int, report: Report) -> np.ndarray:
    """Lay out by UMAP (15 neighbours, min_dist 0.1) from exact neighbours and a PCA start: float32 (n, 2), n >= 5."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ImportWarning)  # umap announces that its optional Tensorflow part is absent
        from umap.umap_ import find_ab_params, fuzzy_simplicial_set, simplicial_set_embedding
    report(10)
    size = min(UMAP_NEIGHBOURS, len(features))
    distances, indices = _with_self(features, size - 1)
    report(30)
    state = np.random.RandomState(seed)
    graph, _, _ = fuzzy_simplicial_set(features, size, state, "euclidean", knn_indices=indices, knn_dists=distances)
    a, b = find_ab_params(1.0, UMAP_MIN_DIST)
    report(40)
    layout, _ = simplicial_set_embedding(
        features,
        graph,
        n_components=2,
        initial_alpha=1.0,
        a=a,
        b=b,
        gamma=1.0,
        negative_sample_rate=5,
        n_epochs=500 if len(features) <= 10_000 else 200,
        init=_start(features, state),
        random_state=state,
        metric="euclidean",
        metric_kwds={},
        densmap=False,
        densmap_kwds={},
        output_dens=False,
        parallel=False,
    )
    return layout


def tsne_layout(features: np.ndarray, seed: int, report: Report) -> np.ndarray:
    """Lay out by t-SNE (perplexity 30, lowered to (n - 1) / 3) from exact neighbours and a PCA start: (n, 2), n >= 5."""
    from openTSNE import TSNE
    from openTSNE.affinity import PerplexityBasedNN
    from openTSNE.nearest_neighbors import PrecomputedNeighbors

    count = len(features)
    perplexity = min(TSNE_PERPLEXITY, (count - 1) / 3)
    threads = min(4, os.cpu_count() or 1)
    distances, indices = nearest(features, features, int(3 * perplexity), exclude=np.arange(count))
    report(20)
    index = PrecomputedNeighbors(indices, distances.astype(np.float64))
    affinities = PerplexityBasedNN(perplexity=perplexity, knn_index=index, n_jobs=threads)
    done = [0]

    def tell(iteration: int, error: float, layout: np.ndarray) -> None:
        done[0] += 1
        report(min(99, 20 + done[0]))

    start = _start(features, np.random.RandomState(seed)).astype(np.float64)
    start *= 1e-4 / max(float(start[:, 0].std()), 1e-12)
    fit = TSNE(n_jobs=threads, random_state=seed, callbacks=[tell], callbacks_every_iters=10)
    return np.asarray(fit.fit(affinities=affinities, initialization=start))


def _with_self(features: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return (distances, indices) of each row itself followed by its k nearest others: the form that UMAP takes."""
    own = np.arange(len(features))
    distances, indices = nearest(features, features, k, exclude=own)
    return np.column_stack([np.zeros(len(own), np.float32), distances]), np.column_stack([own, indices])


def _start(features: np.ndarray, state: np.random.RandomState) -> np.ndarray:
    """Return the first two principal components with a little noise, so that equal galaxies can part: float32 (n, 2)."""
    plane = principal_components(features, 2)
    return (plane + 1e-4 * max(float(plane.std()), 1e-6) * state.normal(size=plane.shape)).astype(np.float32)

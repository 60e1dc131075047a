"""Two- and three-dimensional maps of embeddings; `map_trust` measures reliability."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from astrojepa.cache import load_arrays, load_whole, save_arrays
from astrojepa.evaluation.batches import vectors_path
from astrojepa.evaluation.maps.layouts import (
    layout_features,
    neighbour_graph,
    principal_components,
    recipe,
    tsne_layout,
    umap_layout,
)
from astrojepa.evaluation.vectors.standardise import checked_vectors, standardise
from astrojepa.progress import Listener, reporting
from astrojepa.types import Embeddings, Neighbours

METHODS = ("pca", "umap", "tsne")
_VERSION = 2  # part of the cache's key; raise it when a map changes while its recipe reads the same
_GRAPH_SHARE = 20  # per cent of the progress that the search for neighbours stands for


def project(
    embeddings: Embeddings,
    method: str = "umap",
    seed: int = 0,
    *,
    dimensions: int = 2,
    cache: bool = True,
    progress: Listener = None,
) -> np.ndarray:
    """Project galaxies to a plane or space: float32 (n, dimensions), finite, without units.

    "pca": the directions of largest variance, instant; "umap" and "tsne": neighbours stay
    neighbours, distances between groups mean little. All start from standardised features; UMAP and
    t-SNE see their first 50 principal components where D > 50, through one graph of exact
    neighbours that both share, and fewer than 5 galaxies fall back to PCA. The same seed gives the
    same map. UMAP compiles for half a minute at its first call in a process. Maps and graphs are
    kept under `.cache/astrojepa/projection-*.npz` and `graph-*.npz` by content, unless `cache` is
    False.

    Raises ValueError for an unknown method or seed, dimensions other than 2 or 3, t-SNE in 3, no
    galaxies, or non-finite vectors.
    *Source:* McInnes et al. 2018 (arXiv:1802.03426); van der Maaten & Hinton 2008, as openTSNE
    (Poličar et al. 2024).

    Examples:
        >>> aj.project(embeddings, method="pca").shape
        (60, 2)
    """
    vectors = _checked(embeddings, method, seed, dimensions)
    path = _map_path(vectors, method, seed, dimensions)
    if cache and (found := _read(path, len(vectors), dimensions)) is not None:
        return found
    if method == "pca" or len(vectors) < 5 or np.all(vectors == vectors[0]):
        (xy,) = principal_components(standardise(vectors)[0], dimensions)
    else:
        layout = partial(umap_layout, dimensions=dimensions) if method == "umap" else tsne_layout
        with reporting(progress, 100, {"umap": "UMAP", "tsne": "t-SNE"}[method]) as report:
            (features,) = layout_features(vectors)
            graph = _graph(vectors, features, cache)
            report(_GRAPH_SHARE)
            xy = layout(features, graph, seed, _after_graph(report)).astype(np.float32)
            report(100)
    if cache:
        save_arrays(path, xy=xy)
    return xy


def cached_projection(
    embeddings: Embeddings, method: str = "umap", seed: int = 0, *, dimensions: int = 2
) -> np.ndarray | None:
    """Return what `project` would, if it has been computed before, else None; computes nothing."""
    vectors = _checked(embeddings, method, seed, dimensions)
    return _read(_map_path(vectors, method, seed, dimensions), len(vectors), dimensions)


def map_recipe(
    embeddings: Embeddings, method: str = "umap", seed: int = 0
) -> dict[str, str | int | float]:
    """Return the parameters of `project` for these galaxies, seed included."""
    return recipe(method, len(_checked(embeddings, method, seed)), seed)


def _graph(vectors: np.ndarray, features: np.ndarray, cache: bool) -> Neighbours:
    path, n = vectors_path("graph", f"{_VERSION} ", vectors), len(vectors)
    if cache and (arrays := load_whole(path, indices=n, distances=n)) is not None:
        return Neighbours(arrays["indices"], arrays["distances"])
    graph = neighbour_graph(features)
    if cache:
        save_arrays(path, indices=graph.indices, distances=graph.distances)
    return graph


def _after_graph(report: Callable[[int], None]) -> Callable[[int], None]:
    return lambda done: report(_GRAPH_SHARE + (100 - _GRAPH_SHARE) * done // 100)


def _checked(embeddings: Embeddings, method: str, seed: int, dimensions: int = 2) -> np.ndarray:
    if method not in METHODS:
        raise ValueError(f"There is no projection {method!r}; choose one of {', '.join(METHODS)}.")
    if not 0 <= seed < 2**32:
        raise ValueError(f"The seed is {seed}; it must lie in [0, 2^32).")
    if dimensions not in (2, 3):
        raise ValueError(f"A map has 2 or 3 dimensions, not {dimensions}.")
    if dimensions == 3 and method == "tsne":
        raise ValueError("t-SNE is drawn in 2 dimensions only; choose pca or umap for 3.")
    return checked_vectors(embeddings)


def _map_path(vectors: np.ndarray, method: str, seed: int, dimensions: int) -> Path:
    in_space = " in 3 dimensions" if dimensions == 3 else ""
    facts = f"{_VERSION} {recipe(method, len(vectors), seed)}{in_space}"
    return vectors_path("projection", facts, vectors)


def _read(path: Path, count: int, dimensions: int) -> np.ndarray | None:
    arrays = load_arrays(path)
    found = None if arrays is None else arrays.get("xy")
    return found if found is not None and found.shape == (count, dimensions) else None

"""Two-dimensional maps of embeddings, and how far they can be trusted."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from astrojepa.cache import Progress, cache_path, load_arrays, save_arrays
from astrojepa.data.progress import reporting
from astrojepa.evaluation.layouts import principal_components, tsne_layout, umap_layout
from astrojepa.evaluation.neighbours import check_count, nearest
from astrojepa.evaluation.standardise import checked_vectors, standardise
from astrojepa.types import Embeddings

METHODS = ("pca", "umap", "tsne")
_VERSION = 1  # part of the cache's key; raise it when a map's recipe changes


def project(
    embeddings: Embeddings,
    method: str = "umap",
    seed: int = 0,
    *,
    cache: bool = True,
    progress: Progress | bool | None = None,
) -> np.ndarray:
    """Place each galaxy on a plane: float32 (n, 2), finite; axes have no unit and no meaning of their own.

    "pca": the two directions of largest variance, instant; "umap" and "tsne": neighbours stay neighbours, distances between
    groups mean little. All start from standardised features; UMAP and t-SNE see their first 50 principal components where D > 50,
    and fewer than 5 galaxies fall back to PCA. The same seed gives the same map. UMAP compiles for half a minute at its first
    call in a process. Maps are kept under `.cache/astrojepa/projection-*.npz` by content, unless `cache` is False.

    Raises ValueError for an unknown method or seed, no galaxies, or non-finite vectors.
    *Source:* McInnes et al. 2018 (arXiv:1802.03426); van der Maaten & Hinton 2008, as openTSNE (Poličar et al. 2024).
    """
    vectors = _checked(embeddings, method, seed)
    path = _path(vectors, method, seed)
    if cache and (found := _read(path, len(vectors))) is not None:
        return found
    (features,) = standardise(vectors)
    if method == "pca" or len(features) < 5 or not np.any(features):
        xy = principal_components(features, 2)
    else:
        layout = umap_layout if method == "umap" else tsne_layout
        with reporting(progress, 100, {"umap": "UMAP", "tsne": "t-SNE"}[method]) as report:
            xy = layout(principal_components(features, 50) if features.shape[1] > 50 else features, seed, report)
            report(100)
    xy = xy.astype(np.float32)
    if cache:
        save_arrays(path, xy=xy)
    return xy


def cached_projection(embeddings: Embeddings, method: str = "umap", seed: int = 0) -> np.ndarray | None:
    """Return what `project` would, if it has been computed before, else None; computes nothing."""
    vectors = _checked(embeddings, method, seed)
    return _read(_path(vectors, method, seed), len(vectors))


def trustworthiness(embeddings: Embeddings, xy: np.ndarray, k: int = 15, *, sample: int = 2000, seed: int = 0) -> float:
    """Return how far neighbours on the map are neighbours among the features, in [0, 1]: 1 = all, about 0.5 for a random map.

    1 - 2 / (n k (2n - 3k - 1)) Σ max(0, rank - k) over each point's k neighbours on the map, rank counted by distance on
    standardised features; averaged over at most `sample` points drawn with `seed`. k is lowered to what n allows.
    NaN with fewer than 4 galaxies. Raises ValueError where `xy` is not (n, 2). *Source:* Venna & Kaski 2001.
    """
    check_count(k)
    vectors, xy = checked_vectors(embeddings), np.asarray(xy, dtype=np.float32)
    count = len(vectors)
    if xy.shape != (count, 2) or not np.isfinite(xy).all():
        raise ValueError(f"Expected a finite map of shape ({count}, 2) for {count} galaxies, found {xy.shape}.")
    if count < 4:
        return float("nan")
    k = min(k, (count - 1) // 2)
    rows = np.arange(count)
    if count > sample:
        rows = np.sort(np.random.default_rng(seed).choice(count, sample, replace=False))
    (features,) = standardise(vectors)
    _, on_map = nearest(xy, xy[rows], k, exclude=rows)
    excess = sum(_excess_ranks(features, rows[part], on_map[part], k) for part in _chunks(len(rows)))
    return float(1 - 2 * excess / (len(rows) * k * (2 * count - 3 * k - 1)))


def neighbour_preservation(embeddings: Embeddings, xy: np.ndarray, k: int = 15) -> np.ndarray:
    """Return for each galaxy the share of its k nearest by features that are among its k nearest on the map: (n,), 1 = all.

    k is lowered to n - 1. Raises ValueError where `xy` is not (n, 2), or for fewer than 2 galaxies.
    """
    check_count(k)
    vectors, xy = checked_vectors(embeddings), np.asarray(xy, dtype=np.float32)
    if xy.shape != (len(vectors), 2) or len(xy) < 2:
        raise ValueError(f"Expected a map of shape (n, 2) for {len(vectors)} galaxies, at least 2, found {xy.shape}.")
    own = np.arange(len(xy))
    (features,) = standardise(vectors)
    _, near = nearest(features, features, k, exclude=own)
    _, on_map = nearest(xy, xy, k, exclude=own)
    return np.array([np.isin(a, b, assume_unique=True).mean() for a, b in zip(near, on_map, strict=True)])


def _excess_ranks(features: np.ndarray, rows: np.ndarray, on_map: np.ndarray, k: int) -> float:
    """Sum max(0, rank - k) over the map's neighbours of some rows; rank 1 is the nearest other galaxy by features."""
    squares = np.square(features).sum(axis=1)
    distances = squares[None, :] - 2 * features[rows] @ features.T
    distances[np.arange(len(rows)), rows] = np.inf
    total = 0.0
    for column in on_map.T:
        rank = 1 + (distances < distances[np.arange(len(rows)), column][:, None]).sum(axis=1)
        total += float(np.maximum(0, rank - k).sum())
    return total


def _chunks(count: int, size: int = 256) -> list[slice]:
    return [slice(first, first + size) for first in range(0, count, size)]


def _checked(embeddings: Embeddings, method: str, seed: int) -> np.ndarray:
    if method not in METHODS:
        raise ValueError(f"There is no projection {method!r}; choose one of {', '.join(METHODS)}.")
    if not 0 <= seed < 2**32:
        raise ValueError(f"The seed is {seed}; it must lie in [0, 2^32).")
    return checked_vectors(embeddings)


def _path(vectors: np.ndarray, method: str, seed: int) -> Path:
    digest = hashlib.sha256(f"{_VERSION} {method} {0 if method == 'pca' else seed} {vectors.shape} ".encode())
    digest.update(np.ascontiguousarray(vectors).data)
    return cache_path("projection", digest.hexdigest()[:24])


def _read(path: Path, count: int) -> np.ndarray | None:
    arrays = load_arrays(path)
    found = None if arrays is None else arrays.get("xy")
    return found if found is not None and found.shape == (count, 2) else None

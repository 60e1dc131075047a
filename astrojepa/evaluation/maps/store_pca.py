"""The PCA map of a store too large for memory: exact, of all its vectors, which are read twice."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np

from astrojepa.cache import cache_path, load_arrays, save_arrays
from astrojepa.evaluation.maps.large_map import LargeMap, large_map
from astrojepa.evaluation.vectors.standardise import scaling
from astrojepa.evaluation.vectors.store import Store
from astrojepa.progress import Listener, reporting

_VERSION = 2  # part of the key; raise it when the map changes


def project_by_pca(
    store: Store, dimensions: int = 2, *, cache: bool = True, progress: Listener = None
) -> np.ndarray:
    """Place all galaxies as `project(method="pca")` does those of a small set: float32 (n, 2), or
    (n, 3). Three components are computed and kept.

    VectorsError where a partition is damaged or a vector is not finite.
    """
    digest = hashlib.sha256(f"{_VERSION} pca {store.hash}".encode()).hexdigest()[:24]
    path = cache_path("store-map", digest)
    found = (load_arrays(path) or {}).get("xyz") if cache else None
    if found is not None and found.shape == (len(store), 3) and found.dtype == np.float32:
        return found[:, :dimensions]
    xyz = np.empty((len(store), 3), np.float32)
    with reporting(progress, 2 * len(store), "PCA") as report:
        mean, axes = _axes(store, report)
        for first, batch in store.batches():
            xyz[first : first + len(batch)] = (batch - mean) @ axes
            report(len(store) + first + len(batch))
    if cache:
        save_arrays(path, xyz=xyz)
    return xyz[:, :dimensions]


def pca_map(store: Store, progress: Listener = None) -> LargeMap:
    """Return the PCA map of all vectors of a store."""
    return large_map(store, *project_by_pca(store, progress=progress).T.astype(np.float64))


def _axes(store: Store, report: Callable[[int], None]) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean (D,) and the first three axes (D, 3) of standardised vectors, each divided by
    the deviations: float32. The largest loading of an axis is positive.
    """
    width, near = store.width, None
    sums, products = np.zeros(width), np.zeros((width, width))
    for first, batch in store.batches():
        near = batch.mean(axis=0) if near is None else near  # of numbers near 0, squares are exact
        gaps = batch - near
        sums += gaps.sum(axis=0, dtype=np.float64)
        products += gaps.T @ gaps
        report(first + len(batch))
    assert near is not None
    mean = sums / len(store)
    covariance = products / len(store) - np.outer(mean, mean)
    shift, factor = scaling(near + mean, np.sqrt(np.maximum(np.diag(covariance), 0)))
    values, vectors = np.linalg.eigh(covariance * np.outer(factor, factor))
    axes = np.zeros((width, 3), np.float32)
    for place, axis in enumerate(vectors.T[::-1][:3]):
        if values[-1 - place] > 1e-9 * max(values[-1], 1e-30):  # else there is no such direction
            axes[:, place] = axis * np.sign(axis[np.abs(axis).argmax()]) * factor
    return shift, axes

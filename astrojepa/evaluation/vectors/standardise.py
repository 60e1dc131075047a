"""Checked and standardised features: what every distance, probe and map is made from."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from astrojepa.types import Embeddings


def checked_vectors(embeddings: Embeddings) -> np.ndarray:
    """Return the vectors, float32 (n, D), checked to be finite.

    Raises ValueError where there are none, the shape is not (n, D), or a vector is not finite (its
    id is named).
    """
    vectors = np.asarray(embeddings.vectors, dtype=np.float32)
    if vectors.ndim != 2 or vectors.shape[0] == 0 or vectors.shape[1] == 0:
        raise ValueError(
            f"Expected embeddings of shape (n, D), found {vectors.shape}; embed at least one "
            f"galaxy."
        )
    if len(embeddings.labels) != len(vectors) or len(embeddings.ids) != len(vectors):
        raise ValueError(
            f"Embeddings hold {len(vectors)} vectors, {len(embeddings.labels)} labels and "
            f"{len(embeddings.ids)} ids; they must be equally many."
        )
    check_finite(vectors, embeddings.ids)
    return vectors


def check_finite(vectors: np.ndarray, ids: np.ndarray) -> None:
    """Raise ValueError naming the first row of (n, D) with NaN or infinity."""
    bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if len(bad):
        raise ValueError(
            f"The vector of galaxy {ids[bad[0]]} is not finite ({len(bad)} of {len(vectors)} are "
            "not); check the image, and whether the training diverged."
        )


def check_same_width(a: np.ndarray, b: np.ndarray) -> None:
    """Raise ValueError unless both (n, D) arrays have the same D."""
    if a.shape[1] != b.shape[1]:
        raise ValueError(
            f"The embeddings have {a.shape[1]} and {b.shape[1]} features; compare galaxies "
            f"embedded by the same model only."
        )


def standardise(reference: np.ndarray, *others: np.ndarray) -> tuple[np.ndarray, ...]:
    """Scale features to mean 0 and deviation 1 *of the reference*: (reference, *others).

    A feature that is constant in the reference is only shifted. The others' own statistics play no
    part.
    """
    shift, factor = standardisation(reference)
    return tuple((part - shift) * factor for part in (reference, *others))


def whiten(reference: np.ndarray, *others: np.ndarray) -> tuple[np.ndarray, ...]:
    """Standardise, rotate to the principal axes *of the reference*, standardise those: (., d).

    Directions that vary little then count as much as those that vary most: where the reference is
    centred, its features are uncorrelated. Axes whose deviation is under 1e-3 of the largest are
    left out, so d <= D, and at most one less than the rows.
    """
    parts = standardise(reference, *others)
    variances, axes = np.linalg.eigh(
        np.cov(parts[0].astype(np.float64), rowvar=False, bias=True).reshape(parts[0].shape[1], -1)
    )
    kept = axes[:, variances > 1e-6 * variances[-1]].astype(np.float32)
    return standardise(*(part @ kept for part in parts))


def standardisation(reference: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (shift, factor), float32 (D,): x becomes (x - shift) * factor."""
    mean = reference.mean(axis=0, dtype=np.float64)
    return scaling(mean, reference.std(axis=0, dtype=np.float64))


def scaling_of(batches: Iterable[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return the `standardisation` of all batches (b, D) together, one in memory at a time.

    *Source:* Chan, Golub & LeVeque 1983 (how variances are joined).
    """
    count, mean, squares = 0, np.float64(0), np.float64(0)
    for batch in batches:
        own = batch.mean(axis=0, dtype=np.float64)
        total, gap = count + len(batch), own - mean
        spread = batch.var(axis=0, dtype=np.float64) * len(batch)
        squares = squares + spread + gap**2 * (count * len(batch) / total)
        mean = mean + gap * (len(batch) / total)
        count = total
    return scaling(np.asarray(mean), np.sqrt(np.asarray(squares) / max(1, count)))


def scaling(mean: np.ndarray, deviation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return shift and factor, float32 (D,), that standardise features; constant ones are kept."""
    constant = deviation <= 1e-6 * np.maximum(np.abs(mean), deviation.max(initial=0.0))
    scale = np.where(constant, 1.0, deviation)
    return mean.astype(np.float32), (1 / scale).astype(np.float32)

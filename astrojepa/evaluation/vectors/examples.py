"""Search by example: how far every galaxy is from what some galaxies or images have in common."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from astrojepa.evaluation.vectors.neighbours import checked_rows, exact_distances
from astrojepa.evaluation.vectors.standardise import check_same_width, checked_vectors, standardise
from astrojepa.types import Embeddings

AWAY = 0.5  # how far a search moves from what it must not find (docs/experiments.md)


def search_by_examples(
    embeddings: Embeddings,
    like: Sequence[int] | np.ndarray,
    unlike: Sequence[int] | np.ndarray = (),
) -> np.ndarray:
    """Return every galaxy's distance to the examples, float32 (n,), in standard deviations.

    `like` are galaxies to find more of, `unlike` galaxies to find less of: row numbers, or vectors
    (q, D) of the same model, such as those of new images. The distance is that of `neighbours`, to
    the mean of `like`, moved away from the mean of `unlike` by half of what lies between the two
    (Rocchio 1971, *The SMART Retrieval System*, 313). A single example gives its neighbours.

    Raises ValueError without any `like`, for rows outside the data, vectors of another width, and
    numbers that are not finite.

    Examples:
        >>> distances = aj.search_by_examples(embeddings, like=[7, 12], unlike=[3])
        >>> most_alike = np.argsort(distances)[:20]
    """
    vectors = checked_vectors(embeddings)
    (features,) = standardise(vectors)
    wanted, unwanted = (_features(examples, vectors, features) for examples in (like, unlike))
    return distances_to_examples(features, wanted, unwanted)


def distances_to_examples(features: np.ndarray, like: np.ndarray, unlike: np.ndarray) -> np.ndarray:
    """`search_by_examples` among standardised features (n, D), for repeated use.

    The examples are features too, (p, D) and (q, D).
    """
    target, every = target_of(like, unlike), np.arange(len(features))[:, None]
    return exact_distances(features, np.broadcast_to(target, features.shape), every)[:, 0]


def target_of(like: np.ndarray, unlike: np.ndarray) -> np.ndarray:
    """Return what a search looks for among standardised features: float32 (D,).

    ValueError without any `like`.
    """
    if len(like) == 0:
        raise ValueError("There is nothing to search for; give at least one example in `like`.")
    target = like.mean(axis=0, dtype=np.float64)
    if len(unlike):
        target += AWAY * (target - unlike.mean(axis=0, dtype=np.float64))
    return np.asarray(target, np.float32)


def _features(
    examples: Sequence[int] | np.ndarray, vectors: np.ndarray, features: np.ndarray
) -> np.ndarray:
    """Return the standardised features (q, D) of examples: rows or vectors (q, D)."""
    wrong = "Examples must be row numbers, or finite vectors of shape (q, D)."
    try:
        asked = np.asarray(examples)
        if asked.size == 0:
            return features[:0]
        if asked.ndim <= 1 and np.issubdtype(asked.dtype, np.integer):
            rows = asked.reshape(-1)
        else:
            rows, asked = None, asked.astype(np.float32)
    except (TypeError, ValueError) as error:
        raise ValueError(wrong) from error
    if rows is not None:
        return features[checked_rows(rows, len(features))]
    if asked.ndim != 2 or not np.isfinite(asked).all():
        raise ValueError(wrong)
    check_same_width(vectors, asked)
    return standardise(vectors, asked)[1]

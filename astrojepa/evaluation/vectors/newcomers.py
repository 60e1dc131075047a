"""New images compared with the galaxies of a data set. Nothing is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from astrojepa.data.crops import resize_frame
from astrojepa.evaluation.anomalies.scoring import anomaly_scores
from astrojepa.evaluation.maps.placement import among_neighbours, place
from astrojepa.evaluation.vectors.neighbours import neighbours
from astrojepa.evaluation.vectors.standardise import check_finite
from astrojepa.types import Embeddings

if TYPE_CHECKING:
    from astrojepa.checkpoints.model import Model
    from astrojepa.evaluation.vectors.store_index import StoreIndex

NEAR = 10  # galaxies that an image is placed among


@dataclass(frozen=True)
class Newcomers:
    """Where q new images stand among n known galaxies."""

    xy: np.ndarray  # float32 (q, 2), on the map of the known
    indices: np.ndarray  # int64 (q, k), nearest known galaxies, nearest first
    distances: np.ndarray  # float32 (q, k), in standard deviations
    scores: np.ndarray  # float64 (q,), mean distance to the 20 nearest known; larger = stranger
    stranger: np.ndarray  # float64 (q,), share of the known galaxies that are stranger, in [0, 1]


def embed_picture(model: Model, image: np.ndarray) -> np.ndarray:
    """Embed the central square of an image uint8 (H, W, 3): float32 (D,)."""
    (vector,) = model.encode(resize_frame(image, model.config.image.frame_size)[None])
    check_finite(vector[None], np.array(["in this image"]))
    return vector


def compare_newcomers(
    vectors: Sequence[np.ndarray],
    known: Embeddings,
    known_scores: np.ndarray,
    xy: np.ndarray,
    method: str,
    k: int = 20,
) -> Newcomers:
    """Compare embeddings (D,) of new images with the known galaxies, and place them on `xy`.

    `known_scores` are the known galaxies' own `anomaly_scores`, of the method "knn". A known galaxy
    has no distance to itself in its score and a newcomer that is one of them has: its score is a
    little lower. Raises ValueError as `place` does.
    """
    count = len(vectors)
    if count == 0:
        raise ValueError("There are no new images to place; give at least one.")
    stack = np.stack(vectors).astype(np.float32)
    ids = np.array([f"new image {number + 1}" for number in range(count)])
    new = Embeddings(stack, np.full(count, -1), ids, known.classes, known.model_hash)
    found = neighbours(known, stack, k)
    scores = anomaly_scores(new, known)
    places = place(new, known, xy, method)
    stranger = _stranger(known_scores, scores)
    return Newcomers(places, found.indices, found.distances, scores, stranger)


def compare_with_store(
    vectors: Sequence[np.ndarray],
    index: StoreIndex,
    sample_scores: np.ndarray,
    places: Callable[[np.ndarray], np.ndarray],
    k: int = 20,
) -> Newcomers:
    """Compare embeddings (D,) of new images with the galaxies of a store, by its index, as
    `compare_newcomers` does.

    `sample_scores` are the kNN scores of a random sample of these galaxies: `stranger` is a share
    of the sample. `places` gives the positions of rows, float (m, 2), on a map of any method, where
    an image lies among its 10 nearest galaxies as `place` has it for "umap".
    """
    features = (np.stack(vectors).astype(np.float32) - index.shift) * index.factor
    distances, rows = index.index.search(features, min(k, len(index)))  # as the sample's
    near = rows[:, :NEAR]
    points = places(near.ravel()).reshape(*near.shape, 2)
    xy = among_neighbours(points, np.square(distances[:, :NEAR], dtype=np.float64))
    scores = distances.mean(axis=1, dtype=np.float64)
    return Newcomers(xy, rows, distances, scores, _stranger(sample_scores, scores))


def _stranger(known: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Return the share of known scores that are higher than each score."""
    order = np.sort(np.asarray(known, dtype=np.float64))
    share: np.ndarray = 1 - np.searchsorted(order, scores, side="right") / len(order)
    return share

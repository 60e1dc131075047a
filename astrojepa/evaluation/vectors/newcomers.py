"""New images compared with the galaxies of a data set. Nothing is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from astrojepa.data.crops import resize_frame
from astrojepa.evaluation.anomalies.scoring import anomaly_scores
from astrojepa.evaluation.maps.placement import place
from astrojepa.evaluation.vectors.neighbours import neighbours
from astrojepa.evaluation.vectors.standardise import check_finite
from astrojepa.types import Embeddings

if TYPE_CHECKING:
    from astrojepa.checkpoints.model import Model


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
    order = np.sort(np.asarray(known_scores, dtype=np.float64))
    stranger = 1 - np.searchsorted(order, scores, side="right") / len(order)
    return Newcomers(
        place(new, known, xy, method), found.indices, found.distances, scores, stranger
    )

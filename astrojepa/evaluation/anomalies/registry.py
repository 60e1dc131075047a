"""Every anomaly score by its name, for a model and a data set: what the command and the leaderboards offer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from astrojepa.cache import Progress
from astrojepa.data.dataset import Dataset
from astrojepa.evaluation.anomalies.asymmetry import ASYMMETRY_METHODS, asymmetry_scores
from astrojepa.evaluation.anomalies.jepa_score import jepa_scores
from astrojepa.evaluation.anomalies.prediction_error import PREDICTION_METHODS, prediction_error_scores
from astrojepa.evaluation.anomalies.scores import ASYMMETRY, DEFAULT, METHODS, PIXEL_ASYMMETRY, anomaly_scores
from astrojepa.evaluation.vectors.embed import embed, pixel_pca

if TYPE_CHECKING:
    from astrojepa.checkpoints.model import Model

PIXELS = "pixel-pca-"  # before the name of a method: the same on principal components of the pixels
NAMES = (
    ASYMMETRY,
    *METHODS,
    *PREDICTION_METHODS,
    "jepa-score",
    PIXEL_ASYMMETRY,
    *(PIXELS + method for method in METHODS),
)


def score_by_name(
    model: Model, data: Dataset, name: str = DEFAULT, k: int = 20, *, progress: Progress | bool | None = None
) -> np.ndarray:
    """Score every galaxy against the others of its data set: float64 (n,), larger = stranger.

    knn, lof, mahalanobis and isolation are those of `anomaly_scores` on the embeddings, with "pixel-pca-" before them on 64 principal
    components of the pixels; asymmetry and pixel-asymmetry those of `asymmetry_scores`; prediction, normalised-prediction and
    seed-formula those of `prediction_error_scores`; jepa-score is `jepa_scores`. Raises ValueError for another name, and what those
    functions raise.
    """
    check_name(name)
    if name in ASYMMETRY_METHODS:
        return asymmetry_scores(model, data, progress=progress)[name]
    if name in PREDICTION_METHODS:
        return prediction_error_scores(model, data, progress=progress)[name]
    if name == "jepa-score":
        return jepa_scores(model, data, progress=progress)
    if name.startswith(PIXELS):
        return anomaly_scores(pixel_pca(data, data)[0], method=name.removeprefix(PIXELS), k=k)
    return anomaly_scores(embed(model, data, progress=progress), method=name, k=k)


def check_name(name: str) -> None:
    """Raise ValueError naming the scores there are, before anything is computed."""
    if name not in NAMES:
        raise ValueError(f"There is no anomaly score {name!r}; choose one of {', '.join(NAMES)}.")

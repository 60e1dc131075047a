from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from astrojepa.evaluation.anomalies import registry as module
from astrojepa.evaluation.anomalies.asymmetry import ASYMMETRY_METHODS
from astrojepa.evaluation.anomalies.prediction_error import PREDICTION_METHODS
from astrojepa.evaluation.anomalies.registry import NAMES, check_name, score_by_name
from astrojepa.evaluation.anomalies.scores import METHODS, anomaly_scores
from astrojepa.evaluation.vectors.embed import embed, pixel_pca

Make = Callable[..., Any]
IMAGES = np.random.default_rng(0).integers(0, 255, size=(30, 40, 40, 3), dtype=np.uint8)


@pytest.mark.parametrize("method", METHODS)
def test_methods_are_those_of_anomaly_scores_on_embeddings_and_on_pixels(
    make_stand_in: Make, make_dataset: Make, method: str
) -> None:
    model, data = make_stand_in(), make_dataset(IMAGES)
    expected = anomaly_scores(embed(model, data), method=method, k=4)
    np.testing.assert_array_equal(score_by_name(model, data, method, 4), expected)
    pixels = anomaly_scores(pixel_pca(data, data)[0], method=method, k=4)
    np.testing.assert_array_equal(score_by_name(model, data, "pixel-pca-" + method, 4), pixels)


def test_model_scores_are_looked_up_by_their_names(
    make_stand_in: Make, make_dataset: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = {name: np.full(30, place) for place, name in enumerate(PREDICTION_METHODS)}
    monkeypatch.setattr(module, "prediction_error_scores", lambda model, data, progress: tables)
    turned = {name: np.full(30, 5 + place) for place, name in enumerate(ASYMMETRY_METHODS)}
    monkeypatch.setattr(module, "asymmetry_scores", lambda model, data, progress: turned)
    monkeypatch.setattr(module, "jepa_scores", lambda model, data, progress: np.full(30, 9))
    known = {name: values[0] for name, values in (tables | turned).items()}
    for name, place in (known | {"jepa-score": 9}).items():
        assert (score_by_name(make_stand_in(), make_dataset(IMAGES), name) == place).all()


def test_an_unknown_score_is_refused_before_anything_is_read(make_stand_in: Make, make_dataset: Make) -> None:
    data = make_dataset(IMAGES)
    with pytest.raises(ValueError, match="no anomaly score 'norm'; choose one of asymmetry, knn, lof"):
        score_by_name(make_stand_in(), data, "norm")
    assert data.reader.reads == 0
    for name in NAMES:
        check_name(name)

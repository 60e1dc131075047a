"""New pictures among known galaxies."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from astrojepa.checkpoints.model import load_model
from astrojepa.data.dataset import Dataset
from astrojepa.evaluation.anomalies.scoring import anomaly_scores
from astrojepa.evaluation.maps.projection import project
from astrojepa.evaluation.vectors.embed import embed
from astrojepa.evaluation.vectors.newcomers import compare_newcomers, embed_picture
from astrojepa.types import Embeddings


def test_a_picture_is_embedded_as_a_data_sets_is(make_dataset: Callable[..., Dataset]) -> None:
    images = np.random.default_rng(0).integers(0, 255, (3, 70, 70, 3), dtype=np.uint8)
    model = load_model("random")
    expected = embed(model, make_dataset(images), cache=False).vectors
    for image, vector in zip(images, expected, strict=True):
        np.testing.assert_allclose(embed_picture(model, image), vector, atol=1e-5)


def test_a_known_galaxy_is_its_own_neighbour_on_its_own_place(
    make_blobs: Callable[..., Embeddings],
) -> None:
    known = make_blobs(count=80)
    xy = project(known, "pca", cache=False)
    found = compare_newcomers(
        [known.vectors[5], known.vectors[9]], known, anomaly_scores(known), xy, "pca"
    )
    assert found.indices[:, 0].tolist() == [5, 9]
    np.testing.assert_allclose(found.distances[:, 0], 0, atol=1e-6)
    np.testing.assert_allclose(found.xy, xy[[5, 9]], atol=1e-4)


def test_what_is_far_from_everything_is_stranger_than_all(
    make_blobs: Callable[..., Embeddings],
) -> None:
    known = make_blobs(count=80)
    far, middle = known.vectors[0] + 100, known.vectors[known.labels == 0].mean(axis=0)
    found = compare_newcomers(
        [far, middle], known, anomaly_scores(known), project(known, "pca", cache=False), "pca"
    )
    assert found.stranger[0] == 0
    assert found.stranger[1] > 0.5
    assert found.scores[0] > found.scores[1]


def test_no_pictures_are_refused(make_blobs: Callable[..., Embeddings]) -> None:
    known = make_blobs(count=8)
    with pytest.raises(ValueError, match="no new images"):
        compare_newcomers([], known, np.zeros(8), np.zeros((8, 2)), "pca")

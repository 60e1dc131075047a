from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from astrojepa.checkpoints.model import Model, load_model
from astrojepa.data.dataset import Dataset
from astrojepa.evaluation.patches.patch_errors import patch_errors
from astrojepa.evaluation.patches.summary import patch_error_summary

MakeData = Callable[..., Dataset]


@pytest.fixture(scope="module")
def model() -> Model:
    return load_model("random")


def pictures(count: int) -> np.ndarray:
    noise = np.random.default_rng(0).integers(0, 40, size=(count, 73, 73, 3))
    y, x = np.mgrid[:73, :73] - 36
    scale = np.linspace(3, 12, count)[:, None, None, None]
    return np.clip(200 * np.exp(-np.hypot(x, y)[None, ..., None] / scale) + noise, 0, 255).astype(
        np.uint8
    )


@pytest.mark.slow
def test_many_galaxies_at_once_equal_each_alone(model: Model, make_dataset: MakeData) -> None:
    images = pictures(5)
    found = patch_error_summary(model, make_dataset(images), batch_size=3)
    for row, image in enumerate(images):
        alone = patch_errors(model, image)
        np.testing.assert_allclose(found.mse[row], alone.mse, rtol=1e-4)
        np.testing.assert_allclose(found.cosine[row], alone.cosine, atol=1e-5)
        assert found.variance[row] == pytest.approx(alone.variance, rel=1e-4)
        assert found.mean_mse[row] == pytest.approx(alone.mse.mean(), rel=1e-4)
        assert found.max_mse[row] == pytest.approx(alone.mse.max(), rel=1e-4)
        assert found.mean_cosine[row] == pytest.approx(alone.cosine.mean(), rel=1e-4)
        assert found.normalised[row] == pytest.approx(alone.normalised.mean(), rel=1e-4)
    np.testing.assert_allclose(patch_error_summary(model, images).mse, found.mse, rtol=1e-4)


def test_a_mask_of_ones_own_leaves_the_visible_patches_undefined(model: Model) -> None:
    hidden = np.zeros((model.grid, model.grid), dtype=bool)
    hidden[2:4, 3:6] = True
    found = patch_error_summary(model, pictures(2), hidden)
    np.testing.assert_array_equal(np.isnan(found.mse), np.broadcast_to(~hidden, found.mse.shape))
    assert np.isfinite(found.mean_mse).all()
    np.testing.assert_allclose(
        found.mse[1][hidden], patch_errors(model, pictures(2)[1], hidden).mse[hidden], rtol=1e-4
    )


def test_a_data_set_is_computed_once_per_mask(
    model: Model, make_dataset: MakeData, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = make_dataset(pictures(3))
    reports: list[int] = []
    first = patch_error_summary(
        model, data, batch_size=2, progress=lambda done, total, text: reports.append(done)
    )
    assert reports[-1] == 3
    monkeypatch.setattr(
        "astrojepa.evaluation.patches.summary.masked_errors",
        lambda *_: pytest.fail("computed again"),
    )
    np.testing.assert_array_equal(patch_error_summary(model, data).mse, first.mse)
    with pytest.raises(pytest.fail.Exception, match="computed again"):
        patch_error_summary(model, data, np.eye(model.grid, dtype=bool))
    with pytest.raises(pytest.fail.Exception, match="computed again"):
        patch_error_summary(model, data, cache=False)


def test_without_cache_nothing_is_kept(
    model: Model, make_dataset: MakeData, own_cache: Path
) -> None:
    patch_error_summary(model, make_dataset(pictures(2)), cache=False)
    assert not list(own_cache.glob("patch-errors-*"))


def test_bad_requests_are_refused(model: Model, make_stand_in: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match="no predictor"):
        patch_error_summary(make_stand_in(has_predictor=False), pictures(1))
    with pytest.raises(ValueError, match="no galaxies to predict"):
        patch_error_summary(model, pictures(2)[:0])
    with pytest.raises(ValueError, match="frames of type uint8"):
        patch_error_summary(model, pictures(2).astype(np.float32))
    with pytest.raises(ValueError, match="no set of masks 'random'"):
        patch_error_summary(model, pictures(1), "random")

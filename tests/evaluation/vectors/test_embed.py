from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from astrojepa.checkpoints.model import load_model
from astrojepa.data.dataset import Dataset
from astrojepa.data.frames import frames
from astrojepa.evaluation.baselines.shape_statistics import shape_statistics
from astrojepa.evaluation.maps.projection import project
from astrojepa.evaluation.vectors.embed import (
    cached_embedding,
    embed,
    pixel_pca,
    summary_statistics,
)

MakeData = Callable[..., Dataset]
StandIn = Callable[..., Any]


def pictures(count: int = 5, side: int = 40, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


def disc(
    side: int = 64,
    axis_ratio: float = 1.0,
    angle: float = 0.0,
    colour: tuple[float, ...] = (1, 1, 1),
) -> np.ndarray:
    """A galaxy with an exponential profile of given axis ratio, position angle and colour, on
    black sky.
    """
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    along, across = x * np.cos(angle) + y * np.sin(angle), -x * np.sin(angle) + y * np.cos(angle)
    light = 200 * np.exp(-np.hypot(along, across / axis_ratio) / (side / 12))
    return np.rint(light[..., None] * np.array(colour)).astype(np.uint8)


def test_every_galaxy_gets_its_vector_label_and_id(
    make_dataset: MakeData, make_stand_in: StandIn
) -> None:
    data, model = make_dataset(pictures(), labels=[0, 1, -1, 3, 2]), make_stand_in()
    found = embed(model, data)
    assert found.vectors.dtype == np.float32
    assert found.vectors.shape == (5, 6)
    assert found.ids.tolist() == ["g0", "g1", "g2", "g3", "g4"]
    assert found.labels.tolist() == [0, 1, -1, 3, 2]
    assert (found.model_hash, found.data_hash, found.classes) == (
        model.hash,
        data.fingerprint,
        data.classes,
    )


def test_the_batch_size_changes_nothing(make_dataset: MakeData, make_stand_in: StandIn) -> None:
    data = make_dataset(pictures(7))
    one, all_at_once = (
        embed(make_stand_in(), data, batch_size=size, cache=False) for size in (2, 256)
    )
    np.testing.assert_allclose(one.vectors, all_at_once.vectors, rtol=1e-6)


def test_an_embedding_is_computed_once(
    make_dataset: MakeData, make_stand_in: StandIn, own_cache: Path
) -> None:
    data, model = make_dataset(pictures(), labels=[0, 1, 2, 3, 0]), make_stand_in()
    assert cached_embedding(model, data) is None
    first = embed(model, data)
    again = embed(model, data)
    assert model.encoded == 5
    np.testing.assert_array_equal(first.vectors, again.vectors)
    assert again.labels.tolist() == [0, 1, 2, 3, 0]
    assert len(list(own_cache.glob("embeddings-*.npz"))) == 1


@pytest.mark.parametrize("change", ["weights", "galaxies", "image", "statistics"])
def test_other_weights_galaxies_or_settings_are_embedded_anew(
    make_dataset: MakeData, make_stand_in: StandIn, change: str
) -> None:
    data, model = make_dataset(pictures()), make_stand_in()
    embed(model, data)
    if change == "weights":
        model.hash = "0ther"
    elif change == "galaxies":
        data = data.subset([1, 0, 2, 3, 4])
    elif change == "image":
        model = make_stand_in(crop_fraction=0.5)
    else:
        model.mean = (0.1, 0.1, 0.1)
    assert cached_embedding(model, data) is None


def test_without_cache_no_embedding_is_kept(
    make_dataset: MakeData, make_stand_in: StandIn, own_cache: Path
) -> None:
    embed(make_stand_in(), make_dataset(pictures()), cache=False)
    assert not list(own_cache.glob("embeddings-*"))


def test_a_damaged_cache_counts_as_none(
    make_dataset: MakeData, make_stand_in: StandIn, own_cache: Path
) -> None:
    data, model = make_dataset(pictures()), make_stand_in()
    embed(model, data)
    (path,) = own_cache.glob("embeddings-*.npz")
    path.write_bytes(path.read_bytes()[:100])
    assert cached_embedding(model, data) is None
    assert len(embed(model, data)) == 5


def test_progress_counts_galaxies(make_dataset: MakeData, make_stand_in: StandIn) -> None:
    reports: list[tuple[int, int, str]] = []
    embed(
        make_stand_in(),
        make_dataset(pictures(5)),
        batch_size=2,
        progress=lambda *report: reports.append(report),
    )
    assert [report for report in reports if report[2] == "embedding"] == [
        (done, 5, "embedding") for done in (0, 2, 4, 5)
    ]


def test_a_vector_that_is_not_finite_names_its_galaxy(
    make_dataset: MakeData, make_stand_in: StandIn, own_cache: Path
) -> None:
    model = make_stand_in()
    encode = model.encode
    model.encode = lambda frames: np.where(np.arange(5)[:, None] == 3, np.nan, encode(frames))
    with pytest.raises(ValueError, match="galaxy g3 is not finite"):
        embed(model, make_dataset(pictures()))
    assert not list(own_cache.glob("embeddings-*"))


def test_nothing_to_embed_is_refused(make_dataset: MakeData, make_stand_in: StandIn) -> None:
    empty = make_dataset(pictures()).subset([])
    with pytest.raises(ValueError, match="has no galaxies to embed"):
        embed(make_stand_in(), empty)
    with pytest.raises(ValueError, match="no galaxies to measure"):
        summary_statistics(empty)
    with pytest.raises(ValueError, match="`batch_size` is 0"):
        embed(make_stand_in(), make_dataset(pictures()), batch_size=0)


def test_pixel_pca_keeps_distances_when_it_keeps_all_components(make_dataset: MakeData) -> None:
    data = make_dataset(pictures(6, side=37))
    known, new = pixel_pca(data, data.subset([2, 4]), components=64)
    centre = data.reader.images[:, 2:34, 2:34].reshape(6, -1) / 255.0  # type: ignore[attr-defined]
    assert known.vectors.shape == (6, 5)  # the sixth would be rounding errors
    expected = np.linalg.norm(centre[:, None] - centre[None], axis=2)
    np.testing.assert_allclose(
        np.linalg.norm(known.vectors[:, None] - known.vectors[None], axis=2), expected, rtol=1e-3
    )
    np.testing.assert_allclose(new.vectors, known.vectors[[2, 4]], atol=1e-3)
    assert new.ids.tolist() == ["g2", "g4"]


@pytest.mark.parametrize("count", [2, 3, 5])
def test_pixel_pca_of_few_galaxies_has_no_component_of_rounding_errors(
    make_dataset: MakeData, count: int
) -> None:
    data = make_dataset(pictures(count))
    vectors = pixel_pca(data, data)[0].vectors
    assert vectors.shape == (count, count - 1)
    assert vectors.std(axis=0).min() > 1e-3
    embeddings = pixel_pca(data, data)[1]
    assert np.isfinite(project(embeddings, "pca")).all()
    with pytest.raises(ValueError, match="needs 2 galaxies to fit"):
        pixel_pca(data.subset([0]), data)


def test_pixel_pca_does_not_look_at_the_test_pictures(make_dataset: MakeData) -> None:
    train = make_dataset(pictures(30))
    tests = [make_dataset(pictures(10, seed=seed), source=f"test{seed}") for seed in (1, 2)]
    first, second = (pixel_pca(train, test, components=5)[0].vectors for test in tests)
    np.testing.assert_array_equal(first, second)
    with pytest.raises(ValueError, match="needs 2 galaxies"):
        pixel_pca(train, train.subset([]))


def test_summary_statistics_are_one_finite_row_per_galaxy(make_dataset: MakeData) -> None:
    shades = np.stack(
        [np.full((50, 50, 3), level, np.uint8) for level in (0, 128, 255)] + [*pictures(2, side=50)]
    )
    found = summary_statistics(make_dataset(shades))
    assert found.vectors.shape == (5, 51)
    assert np.isfinite(found.vectors).all()
    assert found.model_hash == "summary-statistics"


def test_ellipticity_is_that_of_the_axes_whatever_the_angle() -> None:
    column = 37  # after 3 means, 4 colours, 24 percentiles, total light, 4 radii and the rms size
    for angle in (0.0, 0.7, 1.5):
        rows = shape_statistics(
            np.stack([disc(axis_ratio=ratio, angle=angle) for ratio in (1.0, 0.5)])
        )
        assert rows[0, column] == pytest.approx(0, abs=0.01)
        assert rows[1, column] == pytest.approx((1 - 0.25) / (1 + 0.25), abs=0.05)


def test_symmetric_galaxies_have_no_asymmetry() -> None:
    lopsided = disc()
    lopsided[:, :32] //= 2
    rows = shape_statistics(np.stack([disc(), disc(axis_ratio=0.4), lopsided]))
    np.testing.assert_allclose(rows[:2, -3], 0, atol=1e-3)
    assert rows[0, -2] == pytest.approx(0, abs=1e-3)
    assert rows[1, -2] > 0.2
    assert rows[2, -3] > 0.1


def test_colours_are_log_ratios_of_the_light_above_the_sky() -> None:
    row = shape_statistics(disc(colour=(1.0, 0.5, 0.25))[None])[0]
    np.testing.assert_allclose(row[3:5], np.log(2), atol=0.03)


def test_a_uniform_sky_does_not_change_shape_or_colour() -> None:
    dark = disc(colour=(1.0, 0.5, 0.25))
    bright = dark + np.uint8(30)
    rows = shape_statistics(np.stack([dark, bright]))
    np.testing.assert_allclose(rows[1, 31:], rows[0, 31:], rtol=0.02, atol=0.02)


def test_the_gini_coefficient_tells_a_point_from_an_even_glow() -> None:
    point, glow = np.zeros((64, 64, 3), np.uint8), np.zeros((64, 64, 3), np.uint8)
    point[32, 32] = 255
    glow[4:-4, 4:-4] = 200
    gini = shape_statistics(np.stack([point, glow]))[:, -1]
    assert gini[0] == pytest.approx(1, abs=0.02)
    assert gini[1] == pytest.approx(1 - (56 / 64) ** 2, abs=0.01)


def test_larger_galaxies_have_larger_radii() -> None:
    small, large = disc(side=64), np.kron(disc(side=64)[16:48, 16:48], np.ones((2, 2, 1), np.uint8))
    rows = shape_statistics(np.stack([small, large]))
    assert (rows[1, 32:35] > rows[0, 32:35]).all()


def test_the_label_of_a_data_set_is_that_of_its_embedding(
    make_dataset: MakeData, make_stand_in: StandIn
) -> None:
    data, model = make_dataset(pictures(), labels=[0, 1, 2, 3, 0]), make_stand_in()
    embed(model, data)
    renamed = dataclasses.replace(data, labels=np.array([3, 3, 3, 3, 3]))
    assert embed(model, renamed).labels.tolist() == [3] * 5


def test_a_model_with_random_weights_embeds_the_frames_of_its_config(
    make_dataset: MakeData,
) -> None:
    data, model = make_dataset(pictures(3)), load_model("random")
    found = embed(model, data)
    assert found.vectors.shape == (3, model.width)
    expected = model.encode(np.asarray(frames(data, model.config.image.frame_size)))
    np.testing.assert_allclose(found.vectors, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_vectors_are_float32_of_all_passes_and_kept_by_name_where_they_are_not(
    make_dataset: MakeData, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # of trainings; vectors agree between machines
    monkeypatch.setenv("ASTROJEPA_PRECISION", "bfloat16")
    data, model = make_dataset(pictures(3)), load_model("random:small.lejepa")
    usual = embed(model, data)
    assert model.config.model.passes == 12
    np.testing.assert_array_equal(
        usual.vectors, embed(model, data, precision="float32", passes=12, cache=False).vectors
    )
    rounded, quick = embed(model, data, precision="bfloat16"), embed(model, data, passes=1)
    np.testing.assert_allclose(rounded.vectors, usual.vectors, atol=0.05)
    assert not np.array_equal(rounded.vectors, usual.vectors)
    assert np.abs(quick.vectors - usual.vectors).max() > 0.01
    np.testing.assert_array_equal(embed(model, data, precision="auto").vectors, rounded.vectors)
    embed(model, data, precision="float32", passes=12)
    assert len(list(own_cache.glob("embeddings-*.npz"))) == 3, "usual, bfloat16, one pass"
    found = cached_embedding(model, data)
    assert found is not None
    np.testing.assert_array_equal(found.vectors, usual.vectors)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"passes": 0}, r"`passes` is 0; it must lie in \[1, 12\]"),
        ({"passes": 13}, r"`passes` is 13; it must lie in \[1, 12\]"),
        ({"precision": "half"}, "`precision` is 'half'; choose one of auto, float32, bfloat16"),
    ],
)
def test_passes_and_precisions_that_do_not_exist_are_refused(
    make_dataset: MakeData, options: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        embed(load_model("random:small.lejepa"), make_dataset(pictures(1)), **options)

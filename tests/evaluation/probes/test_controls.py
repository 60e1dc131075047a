from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from astrojepa.data.dataset import Dataset
from astrojepa.evaluation.baselines.vectors import Parts
from astrojepa.evaluation.probes.controls import (
    control_table,
    permuted,
    random_labels,
    survey_halves,
)
from astrojepa.evaluation.vectors.embed import summary_statistics
from astrojepa.types import Embeddings

Make = Callable[..., Embeddings]
MakeData = Callable[..., Dataset]


def gaussians(count: int, seed: int, side: int = 64) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Round galaxies on black sky: pictures, their widths (standard deviation in half sides),
    their peaks.
    """
    generator = np.random.default_rng(seed)
    width, peak = generator.uniform(0.1, 0.3, count), generator.uniform(100, 250, count)
    axis = (np.arange(side) + 0.5) / (side / 2) - 1
    light = np.exp(
        -(axis[None, :, None] ** 2 + axis[None, None, :] ** 2) / (2 * width[:, None, None] ** 2)
    )
    pixels = np.rint(peak[:, None, None] * light).astype(np.uint8)
    return np.repeat(pixels[..., None], 3, axis=3), width, peak


@pytest.fixture
def make_split(make_dataset: MakeData) -> Callable[..., tuple[Dataset, Dataset, Dataset]]:
    """Three parts of 120, 60 and 80 galaxies; `survey` and `dec` are made from a generator."""

    def make(
        survey: Callable[..., np.ndarray] | None = None,
        dec: Callable[..., np.ndarray] | None = None,
    ) -> tuple[Dataset, ...]:
        parts = []
        for seed, count in enumerate((120, 60, 80)):
            generator = np.random.default_rng(seed)
            part = make_dataset(
                gaussians(count, seed)[0], generator.integers(4, size=count), source=f"part {seed}"
            )
            if survey is not None:
                part = dataclasses.replace(
                    part, table=pd.DataFrame({"survey": survey(generator, count)})
                )
            parts.append(
                part if dec is None else dataclasses.replace(part, dec=dec(generator, count))
            )
        return tuple(parts)

    return make


def as_parts(split: tuple[Dataset, ...], make_embeddings: Make, vectors: list[np.ndarray]) -> Parts:
    return Parts(
        *(make_embeddings(own, part.labels) for own, part in zip(vectors, split, strict=True))
    )


@pytest.mark.slow
def test_vectors_that_hold_size_and_brightness_tell_them_and_noise_does_not(
    make_split: Callable[..., tuple[Dataset, ...]], make_embeddings: Make
) -> None:
    split = make_split()
    statistics = Parts(*(summary_statistics(part) for part in split))
    shown = [gaussians(count, seed) for seed, count in enumerate((120, 60, 80))]
    telling = [
        np.column_stack([width, peak * width**2, np.random.default_rng(9).normal(size=len(width))])
        for _, width, peak in shown
    ]
    noise = [
        np.random.default_rng(seed).normal(size=(len(width), 3))
        for seed, (_, width, _) in enumerate(shown)
    ]
    told, missed = (
        {
            row.name: row
            for row in control_table(as_parts(split, make_embeddings, vectors), statistics, split)
        }
        for vectors in (telling, noise)
    )
    assert list(told) == ["brightness", "size", "random labels"], (
        "no survey column and no coordinates: no halves"
    )
    for name in ("brightness", "size"):
        assert told[name].measure == "R²"
        assert told[name].value > 0.95
        assert told[name].interval[0] > 0
        assert missed[name].value < 0.1
        assert missed[name].interval[0] <= 0


def test_the_size_is_the_half_light_radius_of_the_statistics(make_dataset: MakeData) -> None:
    pictures, width, _ = gaussians(40, 0)
    half_light = summary_statistics(make_dataset(pictures)).vectors[:, 33]
    small = width < 0.2  # whose light lies within the frame
    np.testing.assert_allclose(half_light[small], 1.177 * width[small] / 0.875, rtol=0.1)


@pytest.mark.slow
def test_a_survey_that_can_be_seen_is_told_and_one_that_cannot_is_not(
    make_split: Callable[..., tuple[Dataset, ...]], make_embeddings: Make
) -> None:
    split = make_split(survey=lambda generator, count: generator.choice(["north", "south"], count))
    statistics = Parts(*(summary_statistics(part) for part in split))
    for visible in (True, False):
        vectors = []
        for seed, part in enumerate(split):
            noise = np.random.default_rng(seed).normal(size=(len(part), 4))
            vectors.append(
                noise + 3 * visible * (part.table["survey"] == "north").to_numpy()[:, None]
            )
        row = control_table(as_parts(split, make_embeddings, vectors), statistics, split)[0]
        assert row.name == "survey half"
        assert (row.interval[0] > 0) == visible
        assert row.num_test == 80


def test_without_a_survey_column_declination_divides_north_from_south(
    make_split: Callable[..., tuple[Dataset, ...]],
) -> None:
    split = make_split(
        dec=lambda generator, count: np.where(
            np.arange(count) == 0, np.nan, generator.uniform(20, 45, count)
        )
    )
    found = survey_halves(split)
    assert found is not None
    names, labels = found
    assert names == ("north", "south")
    assert labels[0][0] == -1
    np.testing.assert_array_equal(labels[0][1:] == 0, split[0].dec[1:] > 32.375)


def test_one_survey_only_has_no_halves(make_split: Callable[..., tuple[Dataset, ...]]) -> None:
    assert survey_halves(make_split(survey=lambda _, count: np.full(count, "south"))) is None
    assert survey_halves(make_split(dec=lambda _, count: np.full(count, 10.0))) is None


def test_permuted_labels_keep_their_counts_and_who_has_none(make_embeddings: Make) -> None:
    labels = np.array([0, 0, 0, 1, 1, 2, -1, -1] * 20)
    shuffled = permuted(
        make_embeddings(np.zeros((160, 2)), labels), np.random.default_rng(0)
    ).labels
    np.testing.assert_array_equal(np.bincount(shuffled + 1), np.bincount(labels + 1))
    np.testing.assert_array_equal(shuffled < 0, labels < 0)
    assert (shuffled != labels).any()


def test_random_labels_leave_nothing_above_the_majority(make_blobs: Make) -> None:
    def uneven(seed: int) -> Embeddings:
        blobs = make_blobs(count=600, spread=1.0, seed=seed)
        return dataclasses.replace(blobs, labels=np.where(blobs.labels == 1, 0, blobs.labels))

    control = random_labels(Parts(uneven(1), uneven(2), uneven(3)))
    assert control.setting == "5 permutations"
    assert control.interval[0] <= 0
    assert control.value == pytest.approx(0, abs=0.1)


def test_one_class_has_no_random_labels(
    make_split: Callable[..., tuple[Dataset, ...]], make_embeddings: Make
) -> None:
    split = tuple(
        dataclasses.replace(part, labels=np.zeros(len(part), int)) for part in make_split()
    )
    statistics = Parts(*(summary_statistics(part) for part in split))
    rows = control_table(statistics, statistics, split)
    assert [row.name for row in rows] == ["brightness", "size"]

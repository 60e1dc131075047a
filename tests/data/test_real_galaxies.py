"""Real survey cutouts beside the checkout: counts, splits, pictures. Skipped where they are not
there.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from astrojepa.data import open_dataset
from astrojepa.data.frames import frames
from astrojepa.data.splits import split

pytestmark = pytest.mark.real


def test_the_folder_opens_in_seconds_without_decoding(real_galaxies: Path) -> None:
    start = time.perf_counter()
    data = open_dataset(real_galaxies)
    assert time.perf_counter() - start < 10
    assert len(data) == 18_221
    assert data.classes == ("edge-on", "elliptical", "merger", "spiral")
    assert [len(piece) for piece in split(data, "column")] == [13_624, 1_825, 2_772]


@pytest.mark.parametrize(
    ("source", "column", "count", "num_classes"),
    [("gz1-balanced", "morphology", 5_908, 4), ("efigi", "hubble", 4_504, 5)],
)
def test_the_benchmarks_are_one_filter_away(
    real_galaxies: Path, source: str, column: str, count: int, num_classes: int
) -> None:
    data = open_dataset(real_galaxies, where=[f"source={source}"], label_column=column)
    assert len(data) == count
    assert len(data.classes) == num_classes
    assert (data.labels >= 0).mean() > 0.9


def test_real_pictures_become_frames_with_the_galaxy_in_the_middle(real_galaxies: Path) -> None:
    data = open_dataset(real_galaxies)
    made = frames(data.subset(np.arange(0, len(data), 200)), 64)
    light = made.mean(axis=(0, 3))
    assert light[24:40, 24:40].mean() > 3 * light[:8].mean()


def test_every_real_picture_can_be_read(real_galaxies: Path) -> None:
    data = open_dataset(real_galaxies)
    for row in range(0, len(data), 100):
        image = data[row].image
        assert image.shape[:2] == (int(data.table["height"][row]), int(data.table["width"][row]))

"""The benchmark across sources of galaxies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

import astrojepa as aj
from astrojepa.evaluation.baselines.polar_fourier import NUM_FOURIER
from astrojepa.types import Embeddings
from benchmarks.other_sources import WHOLE, own_size_statistics, source_told

NUM_EACH = 80


def part(offset: float, seed: int) -> Embeddings:
    generator = np.random.default_rng(seed)
    labels = np.repeat([0, 1], NUM_EACH // 2)
    vectors = generator.normal(size=(NUM_EACH, 4)).astype(np.float32)
    vectors[:, 0] += offset
    return Embeddings(vectors, labels, np.arange(NUM_EACH).astype(str), ("disc", "ring"))


def test_a_source_is_told_by_an_offset_and_by_nothing_else() -> None:
    assert source_told({"a": part(0, 1), "b": part(20, 2)}) == 100.0
    assert 35 < source_told({"a": part(0, 1), "b": part(0, 2)}) < 65


def test_hand_made_numbers_at_a_galaxys_own_size_change_little_with_zoom(tmp_path: Path) -> None:
    line = np.arange(256) - 127.5
    y, x = np.meshgrid(line, line, indexing="ij")
    for name, length, ratio in (("near", 18, 0.6), ("far", 12, 0.6), ("round", 12, 1.0)):
        light = np.exp(-np.hypot(x, y / ratio) / length)
        Image.fromarray(np.repeat((250 * light).astype(np.uint8)[..., None], 3, 2)).save(
            tmp_path / f"{name}.png"
        )
    data = aj.open_dataset(tmp_path)
    found = dict(zip(data.ids, own_size_statistics(data, WHOLE).vectors, strict=True))
    near, far, face_on = (found[f"{name}.png"] for name in ("near", "far", "round"))
    assert near.shape == (51 + NUM_FOURIER,)
    assert np.linalg.norm(near - far) < 0.4 * np.linalg.norm(face_on - far)
    assert np.isfinite(near).all()

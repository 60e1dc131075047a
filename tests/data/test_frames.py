"""Frames made once: order, caching, damage, interruption."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from astrojepa.data import DataError, open_dataset
from astrojepa.data.crops import resize_frame
from astrojepa.data.dataset import Dataset
from astrojepa.data.frames import frames

Make = Callable[..., Dataset]


@pytest.fixture
def pictures() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (600, 12, 12, 3), dtype=np.uint8)


def test_frames_are_the_resized_pictures_in_the_order_of_the_data(
    make_data: Make, pictures: np.ndarray
) -> None:
    data = make_data(images=pictures).subset([5, 599, 0, 5])
    made = frames(data, 9)
    assert made.shape == (4, 9, 9, 3)
    assert made.dtype == np.uint8
    assert np.array_equal(made, np.stack([resize_frame(pictures[i], 9) for i in (5, 599, 0, 5)]))


def test_a_second_call_reads_no_picture(make_data: Make, pictures: np.ndarray) -> None:
    data = make_data(images=pictures)
    first = frames(data, 8)
    assert data.reader.reads == 600  # type: ignore[attr-defined]
    assert np.array_equal(frames(data, 8), first)
    assert data.reader.reads == 600  # type: ignore[attr-defined]


def test_size_rows_and_source_make_a_cache_and_labels_do_not(
    make_data: Make, pictures: np.ndarray, cache: Path
) -> None:
    data = make_data(images=pictures[:20])
    for made in (data, make_data(images=pictures[:20], labels=np.zeros(20, np.int64))):
        frames(made, 8)
    assert len(list(cache.iterdir())) == 1
    frames(data, 9)
    frames(data.subset([1, 0]), 8)
    frames(make_data(images=pictures[:20], source_hash="other"), 8)
    assert len(list(cache.iterdir())) == 4


@pytest.mark.parametrize("damage", ["short", "long", "nonsense", "empty", "other shape"])
def test_a_damaged_cache_is_noticed_and_remade(
    make_data: Make, pictures: np.ndarray, cache: Path, damage: str
) -> None:
    data = make_data(images=pictures[:20])
    first = np.array(frames(data, 8))
    (path,) = cache.iterdir()
    if damage == "short":
        os.truncate(path, path.stat().st_size - 1)
    elif damage == "long":
        path.write_bytes(path.read_bytes() + b"\0")
    elif damage == "other shape":
        np.save(path, np.zeros((20, 8, 8, 4), np.uint8))
    else:
        path.write_bytes(b"nonsense" if damage == "nonsense" else b"")
    assert np.array_equal(frames(data, 8), first)
    assert data.reader.reads == 40  # type: ignore[attr-defined]


def test_changing_frames_in_memory_does_not_change_the_cache(
    make_data: Make, pictures: np.ndarray
) -> None:
    data = make_data(images=pictures[:3])
    made = frames(data, 8)
    before = np.array(made)
    made[:] = 0
    assert np.array_equal(frames(data, 8), before)


def test_progress_counts_every_galaxy(make_data: Make, pictures: np.ndarray) -> None:
    told: list[tuple[int, int, str]] = []
    frames(make_data(images=pictures), 8, lambda *step: told.append(step))
    assert [step[0] for step in told] == [0, 256, 512, 600]
    assert told[0][1:] == (600, "reading memory")


def test_a_progress_bar_shows_in_the_terminal(
    make_data: Make, pictures: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    frames(make_data(images=pictures[:3]), 8, True)
    assert "reading memory: 100%" in capsys.readouterr().err


def test_a_corrupt_picture_is_named_and_leaves_nothing_behind(
    write_folder: Callable[..., Path], cache: Path
) -> None:
    root = write_folder([{"file": "a.png"}, {"file": "b.png"}])
    (root / "b.png").write_bytes((root / "b.png").read_bytes()[:100])
    with pytest.raises(DataError, match=r"b\.png cannot be read"):
        frames(open_dataset(root), 8)
    assert list(cache.iterdir()) == []


def test_a_full_disk_is_said_before_anything_is_read(
    make_data: Make, pictures: np.ndarray, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("astrojepa.data.frames.SPARE_BYTES", 1 << 60)
    data = make_data(images=pictures)
    with pytest.raises(OSError, match=r"reading memory needs .* GB in .* are free; make room"):
        frames(data, 8)
    assert data.reader.reads == 0  # type: ignore[attr-defined]
    assert list(cache.iterdir()) == []


def test_an_interruption_leaves_nothing_half_written(
    make_data: Make, pictures: np.ndarray, cache: Path
) -> None:
    def stop(done: int, total: int, text: str) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        frames(make_data(images=pictures), 8, stop)
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize("size", [0, -1, 5000])
def test_impossible_frame_sizes_are_an_error(make_data: Make, size: int) -> None:
    with pytest.raises(ValueError, match="cannot be made"):
        frames(make_data(), size)

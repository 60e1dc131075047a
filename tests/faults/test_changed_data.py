"""Data that somebody changes while they are open: noticed, said in a sentence, and never the end
of the process.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py
import numpy as np
import pytest
from starlette.requests import Request
from streamlit.testing.v1 import AppTest

from app.server import pictures
from app.server.settings import Source
from app.session import loaders
from astrojepa.data import DataError, open_dataset
from tests.app.page_runner import script, settled, words

no_deprecation = pytest.mark.filterwarnings("ignore::DeprecationWarning:streamlit")


def write_h5(path: Path, count: int = 20, seed: int = 0, **how: Any) -> Path:
    rng = np.random.default_rng(seed)
    with h5py.File(path, "w") as file:
        file.create_dataset(
            "images", data=rng.integers(0, 256, (count, 64, 64, 3), dtype=np.uint8), **how
        )
        file["ans"] = np.arange(count) % 10
    return path


@pytest.mark.parametrize(
    "how", [{}, {"chunks": (4, 64, 64, 3), "compression": "gzip"}], ids=["plain", "packed"]
)
def test_a_file_cut_short_while_it_is_open_ends_no_process(
    tmp_path: Path, how: dict[str, Any]
) -> None:
    path = write_h5(tmp_path / "galaxies.h5", **how)
    data = open_dataset(path)
    before = [data[row].image for row in range(20)]
    os.truncate(path, 30_000)
    for row in range(20):
        if how:  # unpacked into the cache when it was opened
            np.testing.assert_array_equal(data[row].image, before[row])
        else:
            with pytest.raises(
                DataError, match=r"galaxies\.h5 was changed after it was opened; open it again\."
            ):
                data[row]
    with pytest.raises(DataError, match="not a whole HDF5 file"):
        open_dataset(path)


def test_a_file_rewritten_in_place_gives_no_pixel_of_the_new_one(tmp_path: Path) -> None:
    path = write_h5(tmp_path / "galaxies.h5")
    data = open_dataset(path)
    with path.open("rb+") as stream:
        stream.seek(-1000, os.SEEK_END)
        stream.write(bytes(1000))
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))  # however coarse the disk's clock is
    with pytest.raises(DataError, match="was changed after it was opened"):
        data[0]
    assert open_dataset(path).fingerprint != data.fingerprint


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    path = write_h5(tmp_path / "galaxies.h5")
    data = open_dataset(path)
    path.unlink()
    with pytest.raises(
        DataError,
        match=r"galaxies\.h5 cannot be read any more \(No such file or directory\); is it still "
        r"there",
    ):
        data[0]


def test_pictures_removed_or_damaged_while_open_become_placeholders(galaxy_folder: Path) -> None:
    data = open_dataset(galaxy_folder)
    (galaxy_folder / "images" / "3.png").unlink()
    (galaxy_folder / "images" / "4.png").write_bytes(b"no picture")
    key = pictures.offer(data)
    placeholder = pictures.placeholder(48)
    same = [bool(np.array_equal(pictures.tile(key, row, 48), placeholder)) for row in range(2, 6)]
    assert same == [False, True, True, False]
    sheet = pictures.as_sheet(pictures.tiles(key, [2, 3, 4, 5], 48))
    assert sheet.startswith(b"\xff\xd8")


def test_an_image_that_could_not_be_read_once_is_read_when_it_is_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A disk or a network that fails for a moment; neither server nor browser keeps the failure."""

    class Flaky:
        def __init__(self) -> None:
            self.fails = True

        def __len__(self) -> int:
            return 3

        def __getitem__(self, row: int) -> Any:
            if self.fails and row == 1:
                raise OSError("no answer")
            return SimpleNamespace(image=np.full((50, 50, 3), 200, np.uint8))

    data = Flaky()
    monkeypatch.setitem(pictures._open, "flaky", data)

    def ask(rows: str) -> Any:
        address = {"path_params": {"key": "flaky", "side": "48"}, "headers": []}
        query = f"rows={rows}".encode()
        return pictures._answer(Request({"type": "http", "query_string": query, **address}))

    assert "immutable" in ask("0,2").headers["Cache-Control"]
    failed = ask("0,1,2")
    assert failed.headers["Cache-Control"] == "no-store"
    data.fails = False
    whole = ask("0,1,2")
    assert "immutable" in whole.headers["Cache-Control"]
    assert whole.body != failed.body
    assert np.array_equal(pictures.tile("flaky", 1, 48), pictures.tile("flaky", 0, 48))


def test_every_change_of_a_file_or_folder_changes_its_state(
    galaxy_folder: Path, tmp_path: Path
) -> None:
    path = write_h5(tmp_path / "galaxies.h5")
    changes: list[tuple[Source, Callable[[], Any]]] = [
        (Source(str(path)), lambda: os.truncate(path, 30_000)),
        (Source(str(path)), lambda: write_h5(tmp_path / "other.h5").replace(path)),
        (Source(str(path)), path.unlink),
        (Source(str(galaxy_folder)), lambda: (galaxy_folder / "new.png").write_bytes(b"")),
        (Source(str(galaxy_folder)), lambda: os.truncate(galaxy_folder / "labels.csv", 3000)),
    ]
    for source, change in changes:
        before = loaders.state_of(source)
        assert loaders.state_of(source) == before
        change()
        assert loaders.state_of(source) != before
    assert loaders.state_of(Source("simulated:60")) == ()


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], AppTest]:
    monkeypatch.setenv("ASTROJEPA_MODE", "")
    monkeypatch.setenv("ASTROJEPA_CHECKPOINT", "baseline")

    def open_map(data: str) -> AppTest:
        monkeypatch.setenv("ASTROJEPA_DATA", data)
        test = AppTest.from_function(script, args=("map", False), default_timeout=120)
        test.query_params["map"] = "pca"
        return settled(test.run())

    return open_map


@pytest.mark.slow
@no_deprecation
def test_the_explorer_opens_changed_data_again_and_says_so(
    page: Callable[[str], AppTest], tmp_path: Path
) -> None:
    path = write_h5(tmp_path / "galaxies.h5", 40)
    test = page(str(path))
    test.session_state["row"] = 39
    settled(test.run())
    assert "of 40" in words(test)
    write_h5(tmp_path / "other.h5", 24, seed=1).replace(path)
    settled(test.run())
    assert "galaxies.h5 has changed on disk and was reopened." in words(test)
    assert "of 24" in words(test)
    assert not test.error
    settled(test.run())
    assert "has changed on disk" not in words(test)


@no_deprecation
def test_data_cut_short_or_gone_are_a_sentence_and_come_back(
    page: Callable[[str], AppTest], tmp_path: Path
) -> None:
    path = write_h5(tmp_path / "galaxies.h5", 40)
    test = page(str(path))
    whole = path.read_bytes()
    os.truncate(path, 30_000)
    settled(test.run())
    assert "not a whole HDF5 file" in test.error[0].value
    path.unlink()
    settled(test.run())
    assert "There is no data at" in test.error[0].value
    path.write_bytes(whole)
    settled(test.run())
    assert not test.error
    assert "of 40" in words(test)


@no_deprecation
def test_the_explorer_goes_on_without_a_cache(
    page: Callable[[str], AppTest],
    galaxy_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("ASTROJEPA_CACHE", str(tmp_path / "file" / "cache"))
    loaders.jobs().forget(("start",))
    test = page(str(galaxy_folder))
    assert "cannot keep what is computed (Not a directory)" in test.warning[0].value
    assert "of 128" in words(test)
    assert not test.error
    loaders.jobs().forget(("start",))


@no_deprecation
def test_the_explorer_goes_on_when_the_disk_of_its_cache_fills_up(
    page: Callable[[str], AppTest],
    galaxy_folder: Path,
    own_cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*anything: Any, **more: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    test = page(str(galaxy_folder))
    assert "of 128" in words(test)
    assert not test.error
    assert not list(own_cache.glob("*.npz"))

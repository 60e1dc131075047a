"""Published files are told by their hash, others by what lies in them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from astrojepa.data import DataError
from astrojepa.data.download import known_files
from astrojepa.data.download.known_files import GALAXY10, KnownFile, sha256_of, verify_galaxy10
from tests.data.download.file_server import CONTENT, FILE


def test_the_current_file_is_told_by_its_hash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "any.h5"
    path.write_bytes(CONTENT)
    monkeypatch.setattr(
        known_files, "GALAXY10", KnownFile("the current Galaxy10 DECaLS", FILE.sha256, 300_000)
    )
    heard: list[tuple[int, int, str]] = []
    said = verify_galaxy10(
        path, progress=lambda done, total, text: heard.append((done, total, text))
    )
    assert said == f"{path} is the current Galaxy10 DECaLS: 300,000 bytes, sha256 {FILE.sha256}."
    assert heard[-1] == (300_000, 300_000, "hashing any.h5")
    assert sha256_of(path) == FILE.sha256
    assert GALAXY10.sha256.startswith("19aefc47")


@pytest.mark.parametrize("number", range(3))
def test_outdated_files_and_the_sdss_set_are_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    outdated = known_files.OUTDATED[number]
    path = tmp_path / "Galaxy10_DECals.h5"
    path.write_bytes(b"old")
    monkeypatch.setattr(
        known_files, "sha256_of", lambda path, progress: outdated.sha256.ljust(64, "0")
    )
    with pytest.raises(DataError) as caught:
        verify_galaxy10(path)
    assert (
        str(caught.value)
        == f"{path} is {outdated.name}; get the current one with: python -m astrojepa data "
        f"download."
    )
    assert [known.sha256[:8] for known in known_files.OUTDATED] == [
        "e7ed36c5",
        "3454cb96",
        "969a6b1c",
    ]


def test_other_files_are_described_by_what_lies_in_them(
    tmp_path: Path, write_galaxy10: Callable[..., Path]
) -> None:
    sdss = write_galaxy10(images=np.zeros((6, 69, 69, 3), np.uint8), name="sdss.h5")
    with pytest.raises(
        DataError,
        match=r"is of the shape of the older Galaxy10 SDSS, whose classes are others \(images \(6, "
        r"69, 69, 3",
    ):
        verify_galaxy10(sdss)
    with pytest.raises(
        DataError,
        match=r"no published Galaxy10 file \(images \(6, 16, 16, 3\), sha256 .*may be one of your "
        r"own",
    ):
        verify_galaxy10(write_galaxy10())
    with pytest.raises(DataError, match="it holds ans, dec, pxscale, ra, redshift"):
        verify_galaxy10(write_galaxy10(images=None, name="bare.h5"))
    cut = tmp_path / "cut.h5"
    cut.write_bytes(sdss.read_bytes()[:2000])
    with pytest.raises(
        DataError, match=r"not a whole HDF5 file \(2,000 bytes where 2,735,267,419 are expected"
    ):
        verify_galaxy10(cut)
    with pytest.raises(FileNotFoundError, match="There is no file"):
        verify_galaxy10(tmp_path / "none.h5")

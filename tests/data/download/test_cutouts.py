"""Cutouts by position, from a server on this machine that drops, stalls and lies."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from PIL import Image

import astrojepa as aj
from astrojepa.cli import main
from astrojepa.data import DataError
from astrojepa.data.download import cutouts
from astrojepa.data.download.cutouts import SERVICES, Cutout, Fetched, fetch_cutouts
from tests.data.download.file_server import FileServers

CATALOGUE = pd.DataFrame(
    {
        "objid": ["NGC 1", "../../evil", "1237648720142401611"],
        "RA": [1.5, 359.25, 120.0],
        "DEC": [27.7, -0.5, 10.0],
        "mass": [9.5, np.nan, 10.0],
        "note": ["=1+1", "", "ok"],
    }
)
SMALL = Cutout(size=32)


@pytest.fixture
def serve() -> Iterator[FileServers]:
    with FileServers() as servers:
        yield servers


def galaxy(path: str) -> bytes:
    """A JPEG of the size asked for, whose brightness tells the declination."""
    asked = parse_qs(urlsplit(path).query)
    side = int(asked["size"][0])
    image = np.zeros((side, side, 3), np.uint8)
    image[side // 4 : -side // 4] = 100 + int(float(asked["dec"][0]))
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "JPEG")
    return stream.getvalue()


def fetch(folder: Path, url: str, catalogue: pd.DataFrame = CATALOGUE, **options: Any) -> Fetched:
    how = {"rate": 10.0, "first_wait": 0.001, "http_on_loopback": True, "timeout": 5.0}
    return fetch_cutouts(catalogue, folder, "legacysurvey", SMALL, url=url, **how | options)


def test_each_position_becomes_an_image_of_a_folder_that_opens(
    serve: FileServers, tmp_path: Path
) -> None:
    url, how = serve(answer=galaxy)
    found = fetch(tmp_path / "g", url)
    assert (found.fetched, found.present, found.missed) == (3, 0, {})
    data = aj.open_dataset(tmp_path / "g")
    assert data.ids.tolist() == CATALOGUE["objid"].tolist()
    assert data.ra.tolist() == CATALOGUE["RA"].tolist()
    assert [int(item.image[16, 16, 0]) for item in data] == pytest.approx([127, 100, 110], abs=2)
    assert data.table["mass"].tolist() == ["9.5", "", "10.0"]
    asked = parse_qs(urlsplit(how.paths[0]).query)
    assert asked["ra"] == ["1.5"] and asked["dec"] == ["27.7"] and asked["size"] == ["32"]  # noqa: PT018
    inside = [path for path in (tmp_path / "g").rglob("*") if path.is_file()]
    assert len(inside) == 5  # three images, labels.csv, cutouts.json
    assert sorted(path.name for path in tmp_path.iterdir()) == ["g"]


def test_what_came_before_is_not_asked_for_again_and_a_longer_catalogue_goes_on(
    serve: FileServers, tmp_path: Path
) -> None:
    url, how = serve(answer=galaxy)
    fetch(tmp_path / "g", url, CATALOGUE.iloc[1:])
    found = fetch(tmp_path / "g", url)
    assert (found.fetched, found.present) == (1, 2)
    assert len(how.paths) == 3
    assert len(aj.open_dataset(tmp_path / "g")) == 3


def test_a_server_that_is_overloaded_or_drops_is_asked_again(
    serve: FileServers, tmp_path: Path
) -> None:
    url, how = serve(answer=galaxy, statuses=[503, 429], drop_after=[50])
    said: list[str] = []
    assert fetch(tmp_path / "g", url, CATALOGUE.iloc[:1], say=said.append).fetched == 1
    assert len(how.paths) == 4
    assert len(said) == 3
    assert "503" in said[0]


def outside(path: str) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (32, 32), (32, 32, 32)).save(stream, "PNG")
    return stream.getvalue()


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        ({"statuses": [404]}, "404"),
        ({"answer": outside}, "outside the survey"),
        ({"answer": lambda path: galaxy(path.replace("size=32", "size=64"))}, "64 × 64 pixels"),
        ({"answer": lambda path: b"<html>busy</html>"}, "no JPEG, PNG or WebP"),
        ({"answer": lambda path: galaxy(path)[:200]}, "The answer"),
        ({"statuses": [500] * 4}, "500"),
    ],
)
def test_what_is_no_cutout_is_missed_with_its_reason_and_the_others_come(
    serve: FileServers, tmp_path: Path, behaviour: dict[str, Any], reason: str
) -> None:
    first: list[str] = []
    wrong = behaviour.get("answer")

    def answer(path: str) -> bytes:
        first.append(path)
        return wrong(path) if wrong and len(first) == 1 else galaxy(path)

    url, _ = serve(**behaviour | {"answer": answer})
    found = fetch(tmp_path / "g", url)
    assert found.fetched == 2
    assert reason in found.missed["NGC 1"]
    assert "http" not in found.missed["NGC 1"]
    missed = pd.read_csv(tmp_path / "g" / "missed.csv")
    assert missed["id"].tolist() == ["NGC 1"]
    assert len(aj.open_dataset(tmp_path / "g")) == 2
    assert fetch(tmp_path / "g", url).fetched == 1  # and the same call completes it
    assert not (tmp_path / "g" / "missed.csv").exists()


def test_no_more_than_the_rate_is_asked_for(
    serve: FileServers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, waited = [1000.0], []

    def sleep(seconds: float) -> None:
        waited.append(round(seconds, 6))
        now[0] += seconds

    monkeypatch.setattr(cutouts, "time", SimpleNamespace(monotonic=lambda: now[0], sleep=sleep))
    url, _ = serve(answer=galaxy)
    fetch(tmp_path / "g", url, rate=5.0)
    assert waited == [0.0, 0.2, 0.2]


def test_a_silent_network_ends_the_command_and_keeps_what_came(
    serve: FileServers, tmp_path: Path
) -> None:
    url, _ = serve(answer=galaxy)
    fetch(tmp_path / "g", url, CATALOGUE.iloc[:0:-1])
    more = pd.concat([CATALOGUE, CATALOGUE.assign(objid=["a", "b", "c"], RA=[1.0, 2.0, 3.0])])
    serve.running[0].shutdown()
    serve.running[0].server_close()
    with pytest.raises(OSError, match=r"3 times in a row; check the network\. What came is kept"):
        fetch(tmp_path / "g", url, more)
    assert len(aj.open_dataset(tmp_path / "g")) == 2
    with pytest.raises(OSError, match=r"3 times in a row; check the network\. Nothing came\. The"):
        fetch(tmp_path / "new", url, more)


@pytest.mark.parametrize("bands", ["grx", "gg", "g,r", "GRZ"])
def test_letters_that_are_no_filters_are_refused(bands: str) -> None:
    with pytest.raises(ValueError, match=rf"`bands` is '{bands}'; give each filter once, of u, g,"):
        Cutout(bands=bands)


def test_fits_cutouts_keep_their_bands_and_position(serve: FileServers, tmp_path: Path) -> None:
    cube = np.zeros((4, 32, 32), np.float32)
    for plane in range(4):
        cube[plane, 8:24, 8:24] = plane + 1
    stream = io.BytesIO()
    fits.PrimaryHDU(cube, fits.Header({"BANDS": "griz"})).writeto(stream)
    url, how = serve(answer=lambda path: stream.getvalue())
    options = {"url": url, "rate": 10.0, "http_on_loopback": True}
    cutout = Cutout(size=32, format="fits", bands="griz")
    found = fetch_cutouts(CATALOGUE[:1], tmp_path / "g", "legacysurvey", cutout, **options)
    assert (found.fetched, found.missed) == (1, {})
    assert parse_qs(urlsplit(how.paths[0]).query)["bands"] == ["griz"]
    red, _, blue = aj.open_dataset(tmp_path / "g")[0].image[16, 16].astype(int)
    assert red > blue  # z is red, g is blue


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"catalogue": CATALOGUE.drop(columns="RA")}, "no columns ra and dec"),
        ({"catalogue": CATALOGUE.assign(RA=np.nan)}, "0 rows with a position"),
        ({"catalogue": CATALOGUE.assign(objid="x")}, "several rows of x"),
        ({"catalogue": CATALOGUE.assign(objid=1.2e18)}, "objid of the catalogue lost digits"),
        ({"rate": 0}, "`rate` is 0 a second"),
        ({"url": "ftp://elsewhere/"}, "not an https address"),
    ],
)
def test_what_cannot_be_fetched_is_refused_before_anything_is_asked(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        fetch(tmp_path / "g", **{"url": "http://127.0.0.1:9/"} | change)


def test_other_settings_or_files_in_the_folder_are_refused(
    serve: FileServers, tmp_path: Path
) -> None:
    url, _ = serve(answer=galaxy)
    fetch(tmp_path / "g", url)
    with pytest.raises(DataError, match="holds cutouts with size 32, not 64; give another"):
        fetch_cutouts(CATALOGUE, tmp_path / "g", cutout=Cutout(size=64), url=url)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("")
    with pytest.raises(DataError, match="holds other files"):
        fetch(tmp_path / "mine", url)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_asks_for_the_same_piece_of_sky(service: str) -> None:
    asked = SERVICES[service].query(10.0, -5.0, Cutout(size=200, scale=0.5))
    degrees = asked.get("fov") or asked["size"] * asked["pixscale"] / 3600
    assert degrees == pytest.approx(100 / 3600)
    assert (asked["ra"], asked["dec"]) == (10.0, -5.0)


def test_the_command_says_what_is_wrong_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    CATALOGUE.to_csv(tmp_path / "c.csv", index=False)
    command = ["data", "cutouts", str(tmp_path / "c.csv"), "--out", str(tmp_path / "g")]
    assert main([*command, "--size", "5"]) == 2
    assert capsys.readouterr().err == "error: --size is 5 pixels; it must lie in [16, 2048].\n"
    assert main([*command, "--service", "nasa"]) == 2
    assert "choose one of legacysurvey, hips" in capsys.readouterr().err
    assert main([*command, "--bands", "grx"]) == 2
    assert "--bands is 'grx'" in capsys.readouterr().err
    assert not (tmp_path / "g").exists()
    assert json.loads(json.dumps(vars(SMALL)))["size"] == 32

"""The survey's own image beside the stored one: asked for only when switched on, in local mode."""

from __future__ import annotations

import functools
import io
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, Server
from explorer_page import Explorer
from page_runner import QUIET, run_page, settled, words
from PIL import Image
from streamlit.testing.v1 import AppTest

import astrojepa as aj
from app.components import survey_image as component
from astrojepa.data.download import survey_image as survey
from astrojepa.evaluation.maps import large_map
from astrojepa.evaluation.vectors.simulated_store import Mixture, simulate_store
from tests.data.download.file_server import Behaviour, FileServers

pytestmark = QUIET

LABEL = "From the Legacy Surveys viewer, not part of your data"
SCALE = 0.5  # arcsec per pixel of the stored images
STAND_IN = """
import functools
from astrojepa.data.download import survey_image as survey
survey.survey_image = functools.partial(survey.survey_image, url={url!r}, http_on_loopback=True)
"""


def answer(path: str) -> bytes:
    """A JPEG of the size that was asked for, in colours that no galaxy here has."""
    side = int(parse_qs(urlsplit(path).query)["size"][0])
    image = np.zeros((side, side, 3), np.uint8)
    image[: side // 2], image[side // 2 :] = (255, 0, 255), (0, 255, 0)
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "JPEG")
    return stream.getvalue()


def galaxies_at(folder: Path, *, scale: bool = True) -> Path:
    """Twelve galaxies of 64 pixels, a degree apart at declination -12.39; the last is unplaced."""
    data = aj.open_dataset("simulated:12")
    folder.mkdir()
    lines = ["file,id,ra,dec,label,pxscale"]
    for row in range(12):
        Image.fromarray(data[row].image).save(folder / f"{row:02}.png")
        ra, dec = (f"{187.7 + row:.1f}", "-12.39") if row < 11 else ("", "")
        kind = data.classes[data.labels[row]]
        lines.append(f"{row:02}.png,G{row:02},{ra},{dec},{kind},{SCALE if scale else ''}")
    (folder / "labels.csv").write_text("\n".join(lines))
    return folder


@pytest.fixture
def serve() -> Iterator[FileServers]:
    with FileServers() as servers:
        yield servers


@pytest.fixture
def service(
    serve: FileServers, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Behaviour]]:
    """A stand-in for the survey's viewer, as the explorer of this process asks it."""
    original = survey.survey_image

    def stand_in(timeout: float = 60, **behaviour: Any) -> Behaviour:
        url, how = serve(**behaviour)
        ask = functools.partial(original, url=url, http_on_loopback=True, timeout=timeout)
        monkeypatch.setattr(survey, "survey_image", ask)
        return how

    component._fetch.clear()
    yield stand_in
    component._fetch.clear()


def switch(test: AppTest) -> Any:
    return next((toggle for toggle in test.toggle if toggle.key == "survey_image"), None)


def galaxy_page(
    monkeypatch: pytest.MonkeyPatch, cache: Path, folder: Path, row: int = 3, **options: Any
) -> AppTest:
    query = {"map": "pca", "galaxy": str(row)}
    return run_page(monkeypatch, cache, "galaxy", data=str(folder), query=query, **options)


@pytest.mark.slow
def test_nothing_is_asked_for_until_it_is_switched_on_and_then_once_a_galaxy(
    monkeypatch: pytest.MonkeyPatch,
    pages_cache: Path,
    tmp_path: Path,
    service: Callable[..., Behaviour],
) -> None:
    how = service(answer=answer)
    test = galaxy_page(monkeypatch, pages_cache, galaxies_at(tmp_path / "sky"))
    assert switch(test).value is False, "off by default"
    assert "is sent to `www.legacysurvey.org`" in words(test), "before it is switched on"
    assert LABEL not in words(test)
    assert how.paths == []
    switch(test).set_value(True)
    settled(test.run())
    assert LABEL in words(test)
    (path,) = how.paths
    asked = {name: value for name, (value,) in parse_qs(urlsplit(path).query).items()}
    assert (asked["ra"], asked["dec"]) == ("190.700000", "-12.390000")
    side = aj.open_dataset("simulated:12")[3].image.shape[1]
    field = int(asked["size"]) * float(asked["pixscale"])
    assert field == pytest.approx(side * SCALE, rel=1e-5), "the stored image's"
    assert f"{field:.3g}″ wide, as the stored image" in words(test)
    test.run()
    assert len(how.paths) == 1, "it is kept"
    switch(test).set_value(False)
    assert LABEL not in words(settled(test.run()))


@pytest.mark.slow
def test_where_the_pixel_scale_is_unknown_the_page_says_so(
    monkeypatch: pytest.MonkeyPatch,
    pages_cache: Path,
    tmp_path: Path,
    service: Callable[..., Behaviour],
) -> None:
    service(answer=answer)
    folder = galaxies_at(tmp_path / "sky", scale=False)
    test = galaxy_page(monkeypatch, pages_cache, folder)
    switch(test).set_value(True)
    settled(test.run())
    assert "67.1″ wide, since the stored image's pixel scale is unknown" in words(test)


@pytest.mark.slow
def test_a_galaxy_without_a_position_and_a_simulated_one_have_no_switch(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path, tmp_path: Path
) -> None:
    test = galaxy_page(monkeypatch, pages_cache, galaxies_at(tmp_path / "sky"), row=11)
    assert "G11" in words(test)
    assert switch(test) is None
    assert switch(run_page(monkeypatch, pages_cache, "galaxy", query={"galaxy": "3"})) is None


@pytest.mark.slow
def test_a_hosted_explorer_has_no_switch_and_asks_nobody_whatever_the_session_holds(
    monkeypatch: pytest.MonkeyPatch,
    pages_cache: Path,
    tmp_path: Path,
    service: Callable[..., Behaviour],
) -> None:
    how = service(answer=answer)
    folder = galaxies_at(tmp_path / "sky")
    galaxy_page(monkeypatch, pages_cache, folder)
    monkeypatch.setattr("app.server.settings.Settings.offered", lambda own, hosted: own.sources)
    test = galaxy_page(monkeypatch, pages_cache, folder, hosted=True)
    assert "G03" in words(test)
    assert "-12.390" in words(test), "a position is known"
    assert switch(test) is None
    test.session_state["survey_image"] = True
    settled(test.run())
    assert switch(test) is None
    assert LABEL not in words(test)
    assert how.paths == []


@pytest.mark.slow
@pytest.mark.parametrize("page", ["map", "galaxy"])
def test_a_galaxy_of_a_large_store_has_the_same_switch_unless_it_is_simulated_or_unplaced(
    monkeypatch: pytest.MonkeyPatch,
    pages_cache: Path,
    tmp_path: Path,
    service: Callable[..., Behaviour],
    page: str,
) -> None:
    how = service(answer=answer)
    monkeypatch.setattr(large_map, "LARGE", 1000)
    simulate_store(Mixture(1100, 16), tmp_path / "simulated")
    frame = pd.read_parquet(tmp_path / "simulated")
    frame.loc[3, "dec"] = np.nan
    (tmp_path / "store").mkdir()
    frame.to_parquet(tmp_path / "store" / "a.parquet")

    def opened(store: str, row: int) -> AppTest:
        flags = [f"--vectors={tmp_path / store}"]
        options = {"flags": flags, "data": "", "checkpoint": "", "query": {"galaxy": str(row)}}
        return run_page(monkeypatch, pages_cache, page, **options)

    assert switch(opened("simulated", 7)) is None
    assert switch(opened("store", 3)) is None
    test = opened("store", 7)
    assert switch(test).value is False, "off by default"
    assert "is sent to `www.legacysurvey.org`" in words(test), "before it is switched on"
    assert how.paths == []
    switch(test).set_value(True)
    settled(test.run())
    assert f"{LABEL}. 67.1″ wide; north is up, east left." in words(test)
    (path,) = how.paths
    asked = {
        name: float(value)
        for name, (value,) in parse_qs(urlsplit(path).query).items()
        if name in ("ra", "dec")
    }
    assert asked == pytest.approx({"ra": frame["ra"][7], "dec": frame["dec"][7]}, abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("behaviour", "sentence"),
    [
        ({"statuses": [404] * 9}, "`www.legacysurvey.org` has no image of this position."),
        ({"content": b"<html></html>"}, "sent no readable image"),
        ({"content": answer("?size=300")}, "300 × 300 pixels"),
        ({"content": bytes(3 << 20)}, "more than 2 MB"),
        ({"content": bytes(1 << 20), "stall": 60.0, "timeout": 0.5}, "took longer than 0.5 s"),
    ],
    ids=["404", "no image", "another size", "too many bytes", "stalled"],
)
def test_what_goes_wrong_is_one_sentence_and_is_tried_again_only_when_asked(
    behaviour: dict[str, Any],
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    pages_cache: Path,
    tmp_path: Path,
    service: Callable[..., Behaviour],
) -> None:
    how = service(**behaviour)
    test = galaxy_page(monkeypatch, pages_cache, galaxies_at(tmp_path / "sky"))
    switch(test).set_value(True)
    settled(test.run())
    assert sentence in words(test)
    assert "Anomaly scores" in words(test), "the rest of the page is there"
    settled(test.run())
    assert len(how.paths) == 1
    service(answer=answer)
    test.button(key="survey_image_again").click()
    settled(test.run())
    assert LABEL in words(test)
    assert sentence not in words(test)


@pytest.mark.browser
def test_in_a_browser_the_survey_s_image_appears_beside_the_stored_one_at_its_scale(
    browser: Any,
    serve: FileServers,
    start: Callable[..., Server],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url, how = serve(answer=answer)
    (tmp_path / "stand_in").mkdir()
    (tmp_path / "stand_in" / "sitecustomize.py").write_text(STAND_IN.format(url=url))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "stand_in"), str(ROOT)]))
    folder = galaxies_at(tmp_path / "sky")
    running = start("--data", str(folder), "--checkpoint", "random")
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    explorer = Explorer(context.new_page(), running.url)
    page = explorer.page
    page.goto(f"{running.url}/galaxy?map=pca&galaxy=3")
    stored = page.get_by_alt_text("the whole image")
    explorer.appears(stored)
    explorer.says("Anomaly scores")
    explorer.quiet()
    assert how.paths == [], "off by default"
    page.get_by_text("Show the survey image", exact=True).click()
    image = page.get_by_alt_text("Galaxy G03 in the Legacy Surveys viewer")
    explorer.appears(image)
    explorer.says(LABEL)
    explorer.quiet()
    assert len(how.paths) == 1
    ours, theirs = stored.bounding_box(), image.bounding_box()
    assert theirs["width"] == pytest.approx(ours["width"], abs=1), "one angular scale"
    assert theirs["y"] == pytest.approx(ours["y"], abs=1)
    assert theirs["x"] >= ours["x"] + ours["width"], "beside it"
    bars = page.locator(".cutout .bar").evaluate_all("bars => bars.map(bar => bar.offsetWidth)")
    assert len(bars) == 2
    assert abs(bars[0] - bars[1]) <= 1
    page.get_by_role("button", name=re.compile("^Next")).click()
    explorer.appears(page.get_by_alt_text(re.compile(r"^Galaxy G(?!03)\d\d in the Legacy")))
    explorer.quiet()
    assert len(how.paths) == 2, "of each galaxy that is opened"
    assert explorer.complaints == []
    assert explorer.outside == [], "the explorer asks, not the browser"
    context.close()

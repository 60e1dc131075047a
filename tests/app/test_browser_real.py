"""The main flows in a real browser on a few hundred real galaxies. Skipped where none lie beside the
checkout.
"""

from __future__ import annotations

import base64
import io
import re
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io.votable import parse
from conftest import Server
from explorer_page import PATIENCE, Explorer
from PIL import Image
from playwright.sync_api import expect

import astrojepa as aj
from astrojepa.data.dataset import Dataset
from astrojepa.evaluation.pictures.artefacts import LIKELY
from astrojepa.evaluation.pictures.checks import picture_checks

pytestmark = [
    pytest.mark.browser,
    pytest.mark.real,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
REAL = Path(__file__).parents[2].parent / "shared" / "galaxies"
WHERE = ("source=gz2-votes", "split=test")  # 167, of four classes
EXPRESSION = 'class == "merger"'


@pytest.fixture(scope="module")
def galaxies() -> Dataset:
    if not (REAL / "labels.csv").is_file():
        pytest.skip("needs the real galaxy images beside the checkout")
    return aj.open_dataset(REAL, where=list(WHERE))


@pytest.fixture(scope="module")
def real(galaxies: Dataset, start: Callable[..., Server]) -> Server:
    where = [word for one in WHERE for word in ("--where", one)]
    return start("--data", str(REAL), *where, "--checkpoint", "random")


@pytest.fixture
def explorer(real: Server, browser: Any) -> Iterator[Explorer]:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme="dark")
    opened = Explorer(context.new_page(), real.url)
    yield opened
    assert opened.complaints == []
    assert opened.outside == []
    context.close()


def upload(explorer: Explorer, path: Path) -> None:
    explorer.page.get_by_role("button", name="Search by image").click()
    explorer.page.locator("input[type=file]").first.set_input_files(str(path))
    explorer.says("Searching for galaxies like 1 example")
    explorer.says(re.compile("^100 of .* galaxies match"))
    explorer.page.keyboard.press("Escape")
    explorer.quiet()


def exported(explorer: Explorer, count: int) -> tuple[Any, dict[str, str]]:
    """The rows of a downloaded VOTable, and what it says it was made from."""
    page = explorer.page
    page.get_by_role("button", name="Export", exact=True).click()
    page.get_by_role("combobox", name="Format").click()
    page.get_by_role("option", name="VOTable").click()
    explorer.quiet()
    with page.expect_download() as download:
        page.get_by_role("button", name=f"Download {count} galaxies as .vot").click()
    page.keyboard.press("Escape")
    opened = parse(download.value.path())
    about = {info.name: info.value for info in opened.resources[0].infos}
    return opened.get_first_table().array, about


def test_the_map_counts_as_its_legend_and_a_click_shows_the_image_of_that_galaxy(
    explorer: Explorer, galaxies: Dataset
) -> None:
    explorer.open("/?map=pca").drawn(len(galaxies))
    named = explorer.page.locator(".legend").inner_text().split()
    counts = dict(zip(named[::2], map(int, named[1::2]), strict=True))
    classes = np.array(galaxies.classes)[galaxies.labels]
    assert counts == {name: int((classes == name).sum()) for name in galaxies.classes}
    assert sum(counts.values()) == len(galaxies)

    xy = explorer.all_pixels(len(galaxies))
    gaps = np.linalg.norm(xy[:, None] - xy[None], axis=2) + 1e9 * np.eye(len(xy))
    row = int(np.where(xy[:, 1] < 60, 0, gaps.min(axis=1)).argmax())
    explorer.page.mouse.click(*explorer.place(row))
    explorer.says(str(galaxies.ids[row]))
    explorer.quiet()
    sent = explorer.page.locator("[data-testid=stImage] img").first.get_attribute("src")
    with Image.open(io.BytesIO(base64.b64decode(sent.partition(",")[2]))) as image:
        shown = np.asarray(image.convert("RGB"), np.float64)
    differences = [np.abs(shown - galaxies[other].image).mean() for other in range(len(galaxies))]
    assert int(np.argmin(differences)) == row
    assert differences[row] < 4, "of 255 grey levels: what JPEG changes"


def test_an_image_finds_itself_first_and_the_ten_nearest_are_exported_in_order(
    explorer: Explorer, galaxies: Dataset, tmp_path: Path
) -> None:
    row = 33
    path = tmp_path / "mine.png"
    Image.fromarray(galaxies[row].image).save(path)
    explorer.open("/?map=pca")
    upload(explorer, path)
    written = explorer.page.get_by_role("textbox", name="Filter")
    written.fill("search_rank <= 10")
    written.press("Enter")
    explorer.says(f"10 of {len(galaxies)} galaxies match.")
    explorer.quiet()
    rows, about = exported(explorer, 10)
    assert rows["id"][0] == str(galaxies.ids[row])
    assert rows["search_rank"].tolist() == list(range(1, 11))
    assert (np.diff(rows["search_distance"]) >= 0).all()
    assert about["filter"] == "search_rank <= 10"


def test_a_box_within_a_filter_is_exported_and_opens_elsewhere_from_its_link(
    explorer: Explorer, galaxies: Dataset, browser: Any
) -> None:
    explorer.open(f"/?map=pca&filter={urllib.parse.quote(EXPRESSION)}")
    merging = galaxies.classes.index("merger")
    count = int((galaxies.labels == merging).sum())
    explorer.says(f"{count} of {len(galaxies)} galaxies match.")
    said = explorer.draw_box()
    inside = int(said.split()[0])
    assert 0 < inside < count
    rows, about = exported(explorer, inside)
    assert len(rows) == inside
    assert set(rows["id"]) <= set(galaxies.ids[galaxies.labels == merging].astype(str))
    assert set(rows["class"]) == {"merger"}
    assert (about["filter"], about["data_fingerprint"]) == (EXPRESSION, galaxies.fingerprint)

    context = browser.new_context(viewport={"width": 1280, "height": 900})
    other = Explorer(context.new_page(), explorer.url)
    other.open(f"/?{about['view']}").says(re.compile(f"^{said}$"))
    expect(other.page.get_by_role("textbox", name="Filter")).to_have_value(
        EXPRESSION, timeout=PATIENCE
    )
    assert other.complaints == []
    context.close()


def test_anomalies_leave_out_artefacts_and_the_galaxy_page_draws_its_heatmap(
    explorer: Explorer, galaxies: Dataset, real: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = explorer.page
    page.goto(f"{explorer.url}/anomalies?score=knn")
    explorer.says(re.compile(r"[1-9]\d* likely artefacts? (is|are) left out \(tab"))
    explorer.quiet()
    count = int(page.get_by_text(re.compile("galaxies, page 1 of")).inner_text().split()[0])
    rows, _ = exported(explorer, count)
    monkeypatch.setenv("ASTROJEPA_CACHE", str(real.cache))  # the images are checked once
    artefacts = picture_checks(galaxies).artefact > LIKELY
    assert set(rows["id"]) == set(galaxies.ids[~artefacts].astype(str))
    assert (np.diff(rows["value"]) <= 0).all()

    row = int(np.flatnonzero(galaxies.ids == rows["id"][0])[0])
    page.goto(f"{explorer.url}/galaxy?galaxy={row}")
    explorer.says(str(galaxies.ids[row]))
    explorer.says(re.compile(r"^mean \d\.\d+ over \d+ patches"))
    drawn = page.locator(".panel canvas, canvas").first
    seen = np.asarray(Image.open(io.BytesIO(drawn.screenshot())).convert("RGB"), np.float64)
    assert seen.std() > 5

"""A filter in a real browser: grey points, a box, an export, and the link in another browser."""

from __future__ import annotations

import csv
import io
import re
import urllib.parse
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io.votable import parse
from explorer_page import PATIENCE, Explorer, identities
from PIL import Image
from playwright.sync_api import expect

import astrojepa as aj

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore::ResourceWarning")]
VIEW = {"width": 1280, "height": 900}
EXPRESSION = 'snr > 20 & class in ["Merging", "Barred Spiral"]'


def matching_rows() -> list[int]:
    data = aj.open_dataset("simulated:200")
    named = np.isin(np.array(data.classes)[data.labels], ["Merging", "Barred Spiral"])
    snr = data.table["snr"].astype(float).to_numpy()
    return np.flatnonzero(named & (snr > 20)).tolist()


def saturation(explorer: Explorer, row: int) -> int:
    """How far the dot of a galaxy is from grey, 0 to 255."""
    image = Image.open(io.BytesIO(explorer.canvas.screenshot())).convert("RGB")
    x, y = explorer.pixel_of(row)
    pixel = image.getpixel((round(x), round(y)))
    return max(pixel) - min(pixel)


def test_a_filter_greys_the_map_bounds_box_and_export_and_opens_elsewhere_from_its_link(
    server: Any, browser: Any
) -> None:
    context = browser.new_context(viewport=VIEW, color_scheme="dark")
    explorer = Explorer(context.new_page(), server.url).open("/?map=pca")
    page, rows = explorer.page, matching_rows()
    lonely = explorer.lonely_row(avoid=(explorer.shown_row(), *rows))
    assert saturation(explorer, lonely) > 40
    page.get_by_role("textbox", name="Filter").fill(EXPRESSION)
    page.keyboard.press("Enter")
    explorer.says(f"{len(rows)} of 200 galaxies match.")
    explorer.quiet()
    assert explorer.page.locator(".status").inner_text() == f"{len(rows)} of 200"
    assert saturation(explorer, lonely) < 30, "a galaxy that does not match keeps its colour"

    said = explorer.draw_box()
    inside = int(page.locator(".status").inner_text().split(" of ")[0])
    assert said == f"{inside} galaxies selected"
    assert 0 < inside < len(rows)
    page.get_by_role("button", name="Export", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("button", name=f"Download {inside} galaxies as .csv").click()
    lines = list(csv.DictReader(Path(download.value.path()).read_text().splitlines()))
    assert len(lines) == inside
    assert {line["id"] for line in lines} <= {identities()[row] for row in rows}
    assert all(float(line["snr"]) > 20 for line in lines)
    page.get_by_role("combobox", name="Format").click()
    page.get_by_role("option", name="VOTable").click()
    explorer.quiet()
    with page.expect_download() as download:
        page.get_by_role("button", name=f"Download {inside} galaxies as .vot").click()
    table = parse(download.value.path())
    about = {info.name: info.value for info in table.resources[0].infos}
    assert about["filter"] == EXPRESSION
    assert about["view"] == urllib.parse.urlparse(page.url).query, "the link that shows them"
    assert list(table.get_first_table().array["id"]) == [line["id"] for line in lines]
    page.keyboard.press("Escape")

    elsewhere = browser.new_context(viewport=VIEW)
    other = Explorer(elsewhere.new_page(), server.url)
    other.page.goto(page.url)
    other.drawn().says(f"{len(rows)} of 200 galaxies match.")
    other.says(re.compile(f"^{inside} galaxies selected$"))
    expect(other.page.get_by_role("textbox", name="Filter")).to_have_value(
        EXPRESSION, timeout=PATIENCE
    )
    assert other.page.locator(".status").inner_text() == f"{inside} of 200"
    for opened in (explorer, other):
        assert opened.complaints == []
        assert opened.outside == []
    elsewhere.close()
    context.close()


def test_a_drag_over_a_histogram_and_a_click_on_a_bar_write_the_filter(
    server: Any, browser: Any
) -> None:
    context = browser.new_context(viewport=VIEW)
    explorer = Explorer(context.new_page(), server.url).open("/?map=pca")
    page = explorer.page
    page.get_by_text("Histograms", exact=True).click()
    bars = page.locator("[data-column=anomaly_score] .bars")
    explorer.brush(bars, 0.3, 0.7)
    written = page.get_by_role("textbox", name="Filter")
    explorer.says(re.compile(r"^\d+ of 200 galaxies match\.$"))
    explorer.quiet()
    assert re.fullmatch(r"\d[\d.]* <= anomaly_score < \d[\d.]*", written.input_value())

    word = page.locator("[data-column=class] .word").first
    name, before = word.locator(".name").inner_text(), word.locator(".count").inner_text()
    word.click()
    page.wait_for_url(re.compile("filter=.*class"))
    explorer.quiet()
    assert written.input_value().endswith(f' & class == "{name}"')
    assert word.get_attribute("aria-pressed") == "true"
    assert word.locator(".count").inner_text() == before
    matching = page.get_by_text(re.compile(r"^\d+ of 200 galaxies match\.$")).inner_text()
    assert matching.split()[0] == before.split()[0]

    page.get_by_role("button", name="Clear the filter of anomaly score").click()
    page.wait_for_function(
        "text => document.querySelector('.st-key-filter input').value === text",
        arg=f'class == "{name}"',
    )
    assert explorer.complaints == []
    context.close()


def test_a_click_in_the_table_selects_the_galaxy_and_images_are_in_its_rows(
    server: Any, browser: Any
) -> None:
    context = browser.new_context(viewport=VIEW)
    explorer = Explorer(context.new_page(), server.url).open("/?map=pca&filter=snr+%3E+20")
    page = explorer.page
    table = page.get_by_role("table", name="Selected galaxies")
    with page.expect_response(re.compile(r"/48\?rows=\d+$")) as image:
        page.get_by_role("radio", name="Table").click()
        table.scroll_into_view_if_needed()
    assert image.value.ok
    explorer.quiet()
    for row, press in (
        (2, lambda row: row.locator("td").last.click()),
        (3, lambda row: row.get_by_role("button").press("Enter")),
    ):
        row = table.locator("tbody tr").nth(row)
        wanted = row.get_by_role("rowheader").inner_text()
        assert wanted in identities()
        press(row)
        page.wait_for_url(re.compile(f"id={wanted}(&|$)"))
        page.get_by_role("heading", name=wanted, exact=True).wait_for()
        explorer.appears(table.locator("tbody tr[aria-current]").get_by_text(wanted))
    assert explorer.complaints == []
    context.close()


def test_keys_mark_and_move_in_the_gallery_and_marks_are_those_of_the_review(
    server: Any, browser: Any
) -> None:
    context = browser.new_context(viewport=VIEW)
    explorer = Explorer(context.new_page(), server.url)
    page = explorer.page
    page.goto(f"{server.url}/?map=pca&filter=snr > 20")
    explorer.drawn()
    tiles = page.locator(".st-key-lasso_gallery .tile")
    explorer.appears(tiles.nth(3))
    explorer.quiet()
    small = tiles.first.bounding_box()["width"]
    tiles.first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("4")
    explorer.appears(tiles.nth(1).get_by_text("marked 4"))
    explorer.quiet()
    for digit in "2501":  # faster than the server; and the keys stay with the gallery
        page.keyboard.press("ArrowRight")
        page.keyboard.press(digit)
    for at, digit in enumerate("2501", 2):
        explorer.appears(tiles.nth(at).get_by_text(f"marked {digit}"))
    explorer.quiet()
    page.locator(".st-key-lasso").get_by_text("Large", exact=True).click()
    page.wait_for_function(
        "([grid, least]) => grid.querySelector('.tile').getBoundingClientRect().width > least",
        arg=[page.locator(".st-key-lasso_gallery .gallery").element_handle(), 1.3 * small],
    )
    explorer.quiet()
    page.get_by_role("link", name="Anomalies").click()
    page.get_by_text("Review", exact=True).first.click()
    explorer.says("5 marked so far, 2 of them with 4 or 5.")
    assert explorer.complaints == []
    context.close()

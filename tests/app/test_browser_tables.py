"""Tables in a real browser: rows where they fit, cards on a telephone, and headings that sort."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from explorer_page import Explorer

from app.components.browser import PRESS, parts
from app.pages.map.selection import SIMILARITY
from astrojepa.plotting import encode_image

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore::ResourceWarning")]
PHONE = {"width": 390, "height": 844}
# what is wider than its frame, wherever it lies
CUT = """() => {
  const found = [];
  const walk = (root) => root.querySelectorAll("*").forEach((element) => {
    if (element.shadowRoot) walk(element.shadowRoot);
    const scrolls = ["auto", "scroll"].includes(getComputedStyle(element).overflowX);
    if (scrolls && element.clientWidth && element.scrollWidth > element.clientWidth + 1)
      found.push(element.className);
  });
  walk(document);
  return found;
}"""


def pressed(name: str) -> Callable[[Any], None]:
    return lambda page: page.get_by_role("button", name=name, exact=True).click()


def view(name: str, *buttons: str) -> Callable[[Any], None]:
    def choose(page: Any) -> None:
        page.get_by_role("radio", name=name).click()
        for button in buttons:
            pressed(button)(page)

    return choose


PAGES = {
    "the selection": ("/?map=pca&filter=snr+%3E+20", view("Table"), "Selected galaxies"),
    "what differs": (
        "/?map=pca&filter=snr+%3E+500",
        lambda page: page.get_by_text("What differs?").click(),
        "What differs",
    ),
    # with fewer scores than those of a model, which take long
    "a galaxy": ("/galaxy?model=baseline", None, "Anomaly scores of this galaxy"),
    "the benchmark": (
        "/anomalies?model=baseline",  # nothing is embedded anew
        view("Benchmark", "Measure"),
        re.compile("^Anomaly scores: "),
    ),
    "a probe": ("/probe", pressed("Train"), "The probe and its baselines"),
    "two models": (
        "/compare?with=baseline",
        pressed("Train probes"),
        "Accuracy of the probes",
    ),
    "all models": ("/models", None, "Model comparison"),
}


@pytest.mark.parametrize("name", PAGES)
def test_no_table_is_cut_on_a_telephone(server: Any, browser: Any, name: str) -> None:
    path, act, label = PAGES[name]
    context = browser.new_context(viewport=PHONE)
    explorer = Explorer(context.new_page(), server.url)
    page = explorer.page
    page.goto(server.url + path)
    explorer.appears(page.locator("h1, h2").first)
    explorer.quiet()
    if act is not None:
        act(page)
    table = page.get_by_role("table", name=label)
    explorer.appears(table.get_by_role("rowheader").nth(1))
    explorer.quiet()
    assert page.evaluate(CUT) == []
    assert page.evaluate("() => document.documentElement.scrollWidth") <= PHONE["width"]
    if table.get_by_role("rowheader").count() < 7:
        whole = "frame => frame.scrollHeight <= frame.clientHeight + 1"
        assert table.locator("..").evaluate(whole), "a few cards do not scroll in a frame"
    cells = table.get_by_role("row").last.get_by_role("cell")
    if "cards" in table.locator("..").get_attribute("class"):
        named = 'cell => getComputedStyle(cell, "::before").content'
        said = [cells.nth(k).evaluate(named) for k in range(cells.count())]
        assert "none" not in said[-2:], "a card names the column of each value"
    assert explorer.complaints == []
    context.close()


def test_a_model_takes_one_line_on_a_laptop_and_the_table_is_not_cut_on_a_tablet(
    server: Any, browser: Any
) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    explorer = Explorer(context.new_page(), server.url)
    page = explorer.page
    page.goto(f"{server.url}/models")
    table = page.get_by_role("table", name="Model comparison")
    explorer.appears(table.get_by_role("rowheader").first)
    explorer.quiet()
    heights = "cells => cells.map(cell => cell.closest('tr').offsetHeight)"
    words = table.locator("td").filter(has_text=re.compile("epochs$"))
    assert len(set(words.evaluate_all(heights))) == 1
    page.set_viewport_size({"width": 1024, "height": 768})
    page.locator(".frame.tight").last.wait_for()
    assert page.evaluate(CUT) == [], "short cells take two lines, and nothing is cut"
    assert max(words.evaluate_all(heights)) <= 3 * 20 + 13, "three lines of 20 px at most"
    page.set_viewport_size({"width": 768, "height": 1024})
    page.locator(".frame.cards").last.wait_for()
    assert page.evaluate(CUT) == []
    context.close()


def test_a_heading_sorts_the_selection_wherever_it_is_shown_and_what_is_unknown_stays_last(
    server: Any, browser: Any
) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    explorer = Explorer(context.new_page(), server.url)
    page = explorer.page
    page.goto(f"{server.url}/?map=pca&filter=snr+%3E+20&view=table&columns=snr,pitch_deg")
    table = page.get_by_role("table", name="Selected galaxies")
    explorer.appears(table)
    explorer.quiet()
    heading = table.get_by_role("columnheader", name="pitch_deg")
    for order, sign in (("descending", -1), ("ascending", 1)):
        table.locator("..").evaluate("frame => { frame.scrollTop = 300; }")
        heading.get_by_role("button").focus()
        page.keyboard.press("Enter")
        table.locator(f"th[aria-sort={order}]", has_text="pitch_deg").wait_for()
        assert heading.get_attribute("aria-sort") == order
        assert table.locator("[aria-sort]").count() == 1
        assert table.locator("..").evaluate("frame => frame.scrollTop") == 0
        held = "cell => cell.getRootNode().activeElement?.textContent"
        assert heading.evaluate(held) == "pitch_deg"
        rows = table.locator("tbody tr")
        shown = rows.locator("td[data-title=pitch_deg]").all_inner_texts()
        known = [float(text) for text in shown if text]
        assert known == sorted(known, key=lambda value: sign * value)
        assert len({*known}) > 2
        assert not any(shown[len(known) :])
        assert len(known) < len(shown)
    explorer.quiet()
    names = rows.get_by_role("rowheader").all_inner_texts()
    assert page.get_by_label("Sort by").input_value() == "Pitch deg"
    assert "sort=pitch_deg&order=lowest" in page.url
    page.get_by_role("button", name="Export", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("button", name=re.compile("as .csv$")).click()
    lines = csv.DictReader(download.value.path().read_text().splitlines())
    assert [line["id"] for line in lines] == names
    page.keyboard.press("Escape")
    page.get_by_role("radio", name="Gallery").click()
    captions = page.get_by_text(re.compile("^pitch deg "))
    captions.first.wait_for()
    explorer.quiet()
    said = [float(text.removeprefix("pitch deg ")) for text in captions.all_inner_texts()]
    assert len(said) == 24
    np.testing.assert_allclose(said, known[:24], rtol=1e-3)
    assert explorer.complaints == []
    context.close()


def test_what_the_selection_is_sorted_by_reads_whole_in_its_box(server: Any, browser: Any) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    explorer = Explorer(context.new_page(), server.url)
    page = explorer.page
    page.goto(f"{server.url}/?map=pca&galaxy=3&filter=snr+%3E+20&sort={SIMILARITY}&view=table")
    explorer.appears(page.get_by_role("table", name="Selected galaxies"))
    explorer.quiet()
    box = page.get_by_label("Sort by")
    assert box.input_value() == "Similarity to the selected galaxy"
    cut = """box => [box, box.parentElement].some(one => one.scrollWidth > one.clientWidth)"""
    assert not box.evaluate(cut)
    context.close()


def test_a_heading_sorts_numbers_that_are_written_with_exponents(
    start: Callable[..., Any], browser: Any, tmp_path: Path
) -> None:
    folder = tmp_path / "galaxies"
    folder.mkdir()
    flux = [-5e-18, 2e-19, -3e-17] * 10
    for k in range(len(flux)):
        image = np.full((32, 32, 3), 5 * k, np.uint8)
        (folder / f"{k}.png").write_bytes(encode_image(image, "png"))
    lines = [f"{k}.png,{value}" for k, value in enumerate(flux)]
    (folder / "labels.csv").write_text("\n".join(["file,flux", *lines]))
    server = start("--data", str(folder), "--checkpoint", "baseline")
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    explorer = Explorer(context.new_page(), server.url)
    page = explorer.page
    page.goto(f"{server.url}/?map=pca&filter=flux+%3C+1&view=table&columns=flux")
    table = page.get_by_role("table", name="Selected galaxies")
    explorer.appears(table)
    explorer.quiet()
    heading = table.get_by_role("columnheader", name="flux").get_by_role("button")
    for way in ("descending", "ascending"):
        heading.click()
        table.locator(f"th[aria-sort={way}]", has_text="flux").wait_for()
    shown = table.locator("td[data-title=flux]").all_inner_texts()
    written = ["\u22123.000e\u221217", "\u22125.000e\u221218", "2.000e\u221219"]
    assert shown == [text for text in written for _ in range(10)]
    context.close()


def test_a_table_that_shows_all_there_is_sorts_itself_exponents_and_unknown_ones_too(
    browser: Any,
) -> None:
    flux = ["2.000e\u221219", "\u22125.000e\u221218", "", "1.5", "\u22121,200.0"]
    data = {
        "label": "All",
        "titles": ["id", "flux"],
        "helps": ["", ""],
        "numeric": [False, True],
        "rows": [[f"g{k}", text] for k, text in enumerate(flux)],
        "images": [],
        "selected": None,
        "clicks": False,
        "order": None,
    }
    page = browser.new_page()
    page.set_content('<div id="host"><div class="frame"><table></table></div></div>')
    page.evaluate(
        """async ([script, data]) => {
          const address = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
          const { default: show } = await import(address);
          show({ parentElement: document.getElementById("host"), data, setTriggerValue: null });
        }""",
        [parts("table", "table", PRESS)["js"], data],
    )
    heading = page.get_by_role("columnheader", name="flux")
    for way, order in (("ascending", [4, 1, 0, 3, 2]), ("descending", [3, 0, 1, 4, 2])):
        heading.get_by_role("button").click()
        assert heading.get_attribute("aria-sort") == way
        names = page.get_by_role("rowheader").all_inner_texts()
        assert names == [f"g{k}" for k in order]
    page.close()

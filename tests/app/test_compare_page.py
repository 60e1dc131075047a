"""The compare page, drawn headless, and its two maps in a real browser."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from explorer_page import PATIENCE, Explorer, identities
from page_runner import QUIET, run_page, settled, tables, words
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from app.pages.compare import view

pytestmark = QUIET


@pytest.mark.slow
def test_random_weights_are_compared_with_the_pixel_baseline(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path
) -> None:
    test = run_page(monkeypatch, pages_cache, "compare", query={"with": "baseline", "galaxy": "11"})
    said = words(test)
    assert test.session_state["row"] == 11
    assert test.query_params["with"] == "baseline"
    assert "of 10 nearest neighbours at the median" in said
    assert "Linear CKA" in said
    assert "Patch errors need a model" in said, "the baseline has none, and the page says so"
    assert tables(test)[0]["Model"].tolist()[1].startswith("no model")


@pytest.mark.slow
def test_accuracies_are_measured_when_asked_and_not_before(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path
) -> None:
    test = run_page(
        monkeypatch, pages_cache, "compare", data="simulated:200", query={"with": "baseline"}
    )
    assert len(tables(test)) == 1
    next(button for button in test.button if button.label == "Train probes").click().run()
    settled(test)
    table = tables(test)[1]
    assert table["Probe"].tolist() == ["Linear probe"] * 3 + ["20 nearest neighbours"] * 3
    assert table["Model"].tolist()[2::3] == ["hand-made statistics"] * 2
    assert all("–" in interval for interval in table["95 % interval"])
    assert "test galaxies; split grouped within 60″, seed 42." in words(test)


@pytest.mark.slow
def test_a_second_model_is_chosen_first_and_its_cost_said_before_it_embeds(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(view, "quickly", lambda model, count: False)
    monkeypatch.setattr(view, "preferred", lambda choices, bundled: "small.lejepa")
    test = run_page(monkeypatch, tmp_path, "compare", data="simulated:61", checkpoint="baseline")
    box = next(box for box in test.selectbox if box.key == "second")
    assert box.value is None, "nothing is embedded that nobody chose"
    assert "of 10 nearest neighbours" not in words(test)
    box.select("random").run()
    settled(test)
    assert "has not embedded these 61 galaxies yet; that takes about" in words(test)
    assert "of 10 nearest neighbours" not in words(test)
    next(button for button in test.button if button.key == "compare_go").click().run()
    assert "of 10 nearest neighbours at the median" in words(settled(test))


def test_a_second_model_that_is_not_on_offer_is_said(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path
) -> None:
    test = run_page(monkeypatch, pages_cache, "compare", query={"with": "elsewhere@12345678"})
    assert "second model elsewhere is not available here" in words(test)


def test_strangers_are_offered_no_run_folders(
    monkeypatch: pytest.MonkeyPatch, pages_cache: Path
) -> None:
    test = run_page(monkeypatch, pages_cache, "compare", query={"with": "baseline"}, hosted=True)
    box = next(box for box in test.selectbox if box.key == "second")
    assert not any("/" in option or option.startswith("run ") for option in box.options)
    assert "Sweeps" not in words(test)


@pytest.mark.browser
def test_a_galaxy_clicked_on_one_map_is_selected_on_both(server: Any, browser: Any) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 1600})
    explorer = Explorer(context.new_page(), server.url)
    page = explorer.page
    page.goto(f"{server.url}/compare?with=baseline&galaxy=3")
    maps = page.locator(".stage > canvas[data-drawn='200']")
    maps.nth(1).wait_for(timeout=PATIENCE)
    page.locator(".st-key-moved_most .tile").first.wait_for(timeout=PATIENCE)
    explorer.quiet()
    canvas = maps.nth(1)
    row = int(page.locator(".st-key-moved_most .tile").nth(2).get_attribute("data-row"))
    for _ in range(5):  # what is still loading above may move the map from under the pointer
        box = canvas.bounding_box()
        x, y = canvas.evaluate("(canvas, row) => canvas.pixelOf(row)", row)
        assert canvas.evaluate("(canvas, at) => canvas.galaxyAt(...at)", [x, y]) is not None
        page.mouse.click(box["x"] + x, box["y"] + y)
        with suppress(PlaywrightTimeout):
            page.wait_for_url(re.compile(r"galaxy=(?!3&)\d+"), timeout=20_000)
            break
    explorer.quiet()
    chosen = int(re.search(r"galaxy=(\d+)", page.url)[1])
    assert page.get_by_text(f", {identities()[chosen]},").count() == 1
    assert page.evaluate("() => globalThis.latentMapState.selected") == chosen
    assert explorer.complaints == []
    context.close()

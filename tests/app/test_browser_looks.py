"""What buttons look like in a real browser, in both themes."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from explorer_page import Explorer
from PIL import Image
from test_contrast import contrast

import astrojepa as aj
from app.pages.map import difference_panel

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore::ResourceWarning")]


PAINTED = """(element, role) => {
  const pen = new OffscreenCanvas(1, 1).getContext("2d");
  pen.fillStyle = getComputedStyle(element)[role];
  pen.fillRect(0, 0, 1, 1);
  return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3);
}"""


def painted(element: Any, role: str) -> str:
    """A colour of an element as it is painted, as hexadecimal digits."""
    return "#" + bytes(element.evaluate(PAINTED, role)).hex().upper()


def test_a_long_name_in_a_menu_ends_in_dots_and_is_not_cut_within_a_letter(
    server: Any, browser: Any
) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    explorer = Explorer(context.new_page(), server.url).open("/?map=pca")
    field = explorer.page.get_by_role("combobox", name="Model")
    assert field.evaluate("field => getComputedStyle(field).textOverflow") == "ellipsis"
    context.close()


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_buttons_are_legible_in_a_popover_and_none_covers_words(
    server: Any, browser: Any, theme: Any
) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme=theme)
    explorer = Explorer(context.new_page(), server.url).open("/?map=pca&galaxy=12&filter=snr>20")
    explorer.says(re.compile(r"^\d+ of 200 galaxies match\.$"))
    page = explorer.page

    image = page.locator("[data-testid=stImage]").first
    image.hover()
    enlarge, whole = (
        found.bounding_box() for found in (page.get_by_test_id("stElementToolbar").first, image)
    )
    assert enlarge["y"] >= whole["y"], "the button to enlarge stands on the words above the image"
    assert enlarge["x"] + enlarge["width"] <= whole["x"] + whole["width"]

    sizes = [
        page.get_by_text(words, exact=True).evaluate("button => getComputedStyle(button).fontSize")
        for words in ("Copy link", "Open galaxy page")
    ]
    assert sizes[0] == sizes[1]

    page.get_by_role("button", name="Export", exact=True).click()
    button = page.get_by_role("button", name=re.compile(r"^Download \d+ galaxies as \.csv$"))
    words = button.get_by_text(re.compile("^Download"))
    assert contrast(painted(words, "color"), painted(button, "backgroundColor")) >= 4.5
    context.close()


def test_charts_take_the_colours_of_a_theme_that_is_chosen_while_they_are_shown(
    server: Any, browser: Any
) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme="dark")
    explorer = Explorer(context.new_page(), server.url)
    page = explorer.page
    page.goto(server.url + "/probe?probe=linear&learn=labels&share=100")
    explorer.says(re.compile("^Mean calibration error"))
    explorer.calm()
    words = page.locator(".js-plotly-plot .xtitle").first
    for theme in ("Light", "Dark"):
        page.get_by_test_id("stMainMenu").click()
        page.get_by_test_id(f"stMainMenuItem-theme-{theme}").click()
        page.keyboard.press("Escape")
        explorer.calm()
        behind = painted(page.get_by_test_id("stApp"), "backgroundColor")
        assert behind == {"Light": "#FFFFFF", "Dark": "#0B0E14"}[theme]
        assert contrast(painted(words, "fill"), behind) >= 4.5, theme
    assert explorer.complaints == []
    context.close()


def test_on_a_telephone_no_hint_is_cut_and_a_galaxy_is_marked_without_scrolling(
    server: Any, browser: Any
) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844})
    explorer = Explorer(context.new_page(), server.url)
    page = explorer.page
    page.goto(f"{server.url}/models")
    hint = page.get_by_test_id("stFileUploaderDropzoneInstructions").first
    explorer.appears(hint)
    cut = "one => [one, ...one.querySelectorAll('*')].some(e => e.scrollWidth > e.clientWidth)"
    assert not hint.evaluate(cut)

    page.goto(f"{server.url}/anomalies?tab=review")
    explorer.appears(page.get_by_role("button", name="Undo"))
    explorer.calm()
    picture, marks = (
        page.locator(f".st-key-review_{part}").bounding_box() for part in ("picture", "marks")
    )
    assert picture["x"] + picture["width"] <= 390 - 12, "the image ends before the page does"
    height = marks["y"] + marks["height"] - picture["y"]
    assert height < 667 - 64, "nor on a small one, below the bar of the explorer"
    assert marks["y"] + marks["height"] < 844
    context.close()


def test_a_lasso_shows_its_first_galaxies_without_scrolling_and_leaves_the_map_as_it_was(
    server: Any, browser: Any
) -> None:
    for width, height, below in ((1440, 900, 900), (390, 844, 2000)):
        context = browser.new_context(viewport={"width": width, "height": height})
        explorer = Explorer(context.new_page(), server.url).open("/?map=pca")
        page, before = explorer.page, explorer.canvas.bounding_box()
        explorer.draw_box()
        first = page.locator(".st-key-beside_gallery .tile")
        explorer.appears(first.nth(3))
        explorer.calm()
        gallery = page.locator(".st-key-lasso_gallery .tile")
        rows = [
            tiles.nth(n).get_attribute("data-row") for tiles in (first, gallery) for n in range(4)
        ]
        assert rows[:4] == rows[4:]
        assert rows_of(first) == 1
        assert explorer.canvas.bounding_box() == before
        picture, filters = (
            first.first.bounding_box(),
            page.locator(".st-key-map_below").bounding_box(),
        )
        assert picture["y"] + picture["height"] < min(below, filters["y"])
        assert picture["width"] < width / 3
        context.close()


def rows_of(parts: Any) -> int:
    """In how many rows parts of a page stand."""
    return len({round(part.bounding_box()["y"]) for part in parts.all()})


def test_menus_galleries_and_words_stand_in_rows_that_fit_the_screen(
    server: Any, browser: Any
) -> None:
    context = browser.new_context(viewport={"width": 900, "height": 900})
    explorer = Explorer(context.new_page(), server.url).open("/?map=pca")
    page = explorer.page
    explorer.appears(page.locator(".st-key-bar").get_by_role("combobox").last)
    explorer.calm()
    assert rows_of(page.locator(".st-key-bar").get_by_role("combobox")) == 1
    menus, options = (
        page.locator(".st-key-bar").get_by_role(role, name=name).bounding_box()
        for role, name in (("combobox", "Model"), ("button", "Map options"))
    )
    assert abs(menus["y"] - options["y"]) < 20, "the last button stands beside the menus"
    for width, path, tiles in (
        (2560, "/galaxy?map=pca&galaxy=12", ".st-key-galaxy_neighbours .tile"),
        (1280, "/anomalies?tab=review", ".st-key-review_next .tile"),
    ):
        page.set_viewport_size({"width": width, "height": 1200})
        page.goto(server.url + path)
        explorer.appears(page.locator(tiles).first)
        explorer.calm()
        assert rows_of(page.locator(tiles)) == 1
    for width, beside in ((2560, True), (1280, True), (390, False)):
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(f"{server.url}/about")
        left, right = (
            page.get_by_role("heading", name=name) for name in ("How to read it", "Please cite")
        )
        explorer.appears(right)
        explorer.calm()
        left, right = left.bounding_box(), right.bounding_box()
        assert (left["y"] == right["y"]) == beside
        assert right["x"] - left["x"] < 900, "no gap stands between the words"
    context.close()


def test_the_map_in_space_is_as_high_as_the_canvas_and_fills_a_large_screen(
    server: Any, browser: Any
) -> None:
    heights: dict[str, list[float]] = {"canvas": [], "space": []}
    context = browser.new_context()
    explorer = Explorer(context.new_page(), server.url)
    for drawing, shown in (("canvas", ".stage"), ("space", ".st-key-map_figure_space")):
        explorer.page.goto(f"{server.url}/?map=pca&drawing={drawing}")
        map_ = explorer.page.locator(shown)
        explorer.appears(map_)
        for width, height in ((1440, 900), (2560, 1440)):
            explorer.page.set_viewport_size({"width": width, "height": height})
            explorer.calm()
            heights[drawing].append(map_.bounding_box()["height"])
    assert heights["space"] == heights["canvas"]
    assert heights["space"][1] > 1440 * 0.8
    context.close()


def test_the_image_of_a_galaxy_stands_before_its_patch_errors_in_one_column(
    server: Any, browser: Any
) -> None:
    for width in (390, 900, 1440):
        context = browser.new_context(viewport={"width": width, "height": 900})
        explorer = Explorer(context.new_page(), server.url)
        explorer.page.goto(f"{server.url}/galaxy?map=pca")
        parts = [
            explorer.page.locator(f".st-key-{part}")
            for part in ("galaxy_image", "patch_panel", "galaxy_neighbours")
        ]
        for part in parts:
            explorer.appears(part.locator("img, canvas, .tile").first)
        explorer.calm()
        image, errors, near = (part.bounding_box() for part in parts)
        if width == 1440:
            assert errors["x"] + errors["width"] <= image["x"]
        else:
            assert image["y"] + image["height"] <= errors["y"]
            assert errors["y"] + errors["height"] <= near["y"]
            assert image["y"] < 600, "it is on the first screen"
        context.close()


def test_the_labels_of_controls_in_one_row_are_level(server: Any, browser: Any) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    explorer = Explorer(context.new_page(), server.url)
    page = explorer.page
    rows = {"probe": ("probe_controls", 3), "galaxy": ("panel_look", 3)}
    for path, (row, count) in rows.items():
        page.goto(f"{server.url}/{path}")
        labels = page.locator(f".st-key-{row}").get_by_test_id("stWidgetLabel")
        explorer.appears(labels.nth(count - 1))
        explorer.calm()
        tops = [labels.nth(place).bounding_box()["y"] for place in range(count)]
        assert max(tops) - min(tops) < 1, path
    context.close()


def test_what_is_measured_takes_room_that_was_kept_below_the_table_of_differences(
    server: Any, browser: Any
) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    explorer = Explorer(context.new_page(), server.url)
    page = explorer.page
    page.goto(f"{server.url}/?map=pca&filter=snr>300")
    page.get_by_text("What differs?", exact=True).click()
    explorer.says(re.compile("^Everything else: 6 typical galaxies of"))
    explorer.calm()
    assert "are measured on the images" in page.locator("body").inner_text()
    kept = """room => {
      const waiting = room.appendChild(document.createElement("div"));
      waiting.appendChild(document.createElement("div")).dataset.testid = "stProgress";
      return waiting.getBoundingClientRect().height;
    }"""
    listed = page.locator(".st-key-differences_listed")
    assert listed.evaluate(kept) == difference_panel.ROOM
    heights = listed.locator("tr").evaluate_all("all => all.map(row => row.offsetHeight)")
    assert set(heights[1:]) == {difference_panel.ROW}
    assert heights[0] + 16 == pytest.approx(difference_panel.HEAD, abs=1), "with the gap above"
    context.close()


def test_on_a_telephone_no_toggle_above_a_leaderboard_is_cut(
    start: Callable[..., Any], browser: Any, tmp_path: Path
) -> None:
    data = aj.open_dataset("simulated:200")
    for row in range(12):
        Image.fromarray(data[row].image).save(tmp_path / f"{row}.png")
    server = start("--data", str(tmp_path), "--checkpoint", "random")
    context = browser.new_context(viewport={"width": 390, "height": 844})
    explorer = Explorer(context.new_page(), server.url)
    page = explorer.page
    page.goto(f"{server.url}/anomalies")
    words = page.get_by_text("Include likely artefacts")
    explorer.appears(words)
    explorer.calm()
    is_cut = """words => {
      const within = (one) => (one.dataset.testid === "stCheckbox" ? [] : [one, ...within(one.parentElement)]);
      return within(words).some((one) => one.clientWidth && one.scrollWidth > one.clientWidth);
    }"""
    assert not words.evaluate(is_cut)
    context.close()

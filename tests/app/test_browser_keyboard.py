"""The explorer by keyboard alone, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from explorer_page import Explorer
from test_probe_label_next import folder

import app

QUEUE = Path(app.__file__).parent / "components" / "keys" / "queue.js"
pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore::ResourceWarning")]
# the element that has the focus, also within a component
FOCUSED = """() => {
  let found = document.activeElement;
  while (found?.shadowRoot?.activeElement) found = found.shadowRoot.activeElement;
  return (found?.getAttribute("aria-label") || found?.innerText || "").trim();
}"""


@pytest.fixture
def explorer(server: Any, browser: Any) -> Iterator[Explorer]:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="dark")
    opened = Explorer(context.new_page(), server.url)
    yield opened
    assert opened.complaints == []
    context.close()


def test_tab_goes_into_an_open_popover_and_on_to_what_comes_after_its_button(
    explorer: Explorer,
) -> None:
    explorer.open("/?map=pca&filter=snr+%3E+20")
    explorer.says(re.compile("galaxies selected$"))
    page, keys = explorer.page, explorer.page.keyboard
    button = page.get_by_role("button", name="Add to a collection")
    button.focus()
    keys.press("Enter")
    page.get_by_role("textbox", name="Name").wait_for()
    keys.press("Tab")
    assert page.evaluate(FOCUSED) == "Name"
    keys.type("Mine")
    keys.press("Tab")
    assert re.match(r"Add \d+ galaxies", page.evaluate(FOCUSED))
    keys.press("Enter")
    explorer.says(re.compile(r"^Mine now holds \d+ galaxies\.$"))
    explorer.quiet()
    dialog = page.get_by_role("dialog")
    inside = "found => found.some(one => one.contains(document.activeElement))"
    for _ in range(40):
        if dialog.evaluate_all(inside):
            keys.press("Tab")
    assert "rank 1" in page.evaluate(FOCUSED), "the gallery comes after the button"


def test_a_file_is_exported_in_a_format_that_was_chosen_by_keys(explorer: Explorer) -> None:
    explorer.open("/?map=pca&filter=snr+%3E+20")
    explorer.says(re.compile("galaxies selected$"))
    explorer.calm()
    page, keys = explorer.page, explorer.page.keyboard
    page.get_by_role("button", name="Export", exact=True).focus()
    keys.press("Enter")
    page.get_by_role("combobox", name="Format").wait_for()
    keys.press("Tab")
    keys.press("ArrowDown")
    page.get_by_role("option", name="ECSV").wait_for()
    keys.press("ArrowDown")
    keys.press("Enter")
    page.get_by_role("button", name=re.compile(r"^Download \d+ galaxies as \.(?!csv)")).wait_for()
    explorer.calm()
    keys.press("Tab")
    explorer.appears(page.locator("button:focus", has_text="Download"))
    with page.expect_download(timeout=60_000) as download:
        keys.press("Enter")
    assert not download.value.suggested_filename.endswith(".csv")


def test_a_cell_of_the_confusion_matrix_keeps_the_focus_when_it_is_chosen(
    explorer: Explorer,
) -> None:
    page = explorer.page
    page.goto(explorer.url + "/probe")
    button = page.get_by_role("button", name="Train", exact=True)
    explorer.appears(button)
    explorer.calm()
    button.focus()
    page.keyboard.press("Enter")
    cell = page.get_by_role("button", name=re.compile("^[1-9].* galaxies, true")).first
    explorer.appears(cell)
    explorer.calm()
    cell.focus()
    said = page.evaluate(FOCUSED)
    page.keyboard.press("Enter")
    explorer.says(re.compile("labelled .*, predicted"))
    explorer.quiet()
    assert page.evaluate(FOCUSED) == said
    assert cell.get_attribute("aria-pressed") == "true"


def test_the_button_that_starts_a_search_keeps_the_focus_and_ends_it(explorer: Explorer) -> None:
    explorer.open("/?map=pca&galaxy=12")
    explorer.calm()
    explorer.page.get_by_role("button", name="More like this").focus()
    explorer.page.keyboard.press("Enter")
    explorer.says("Searching for galaxies like 1 example")
    explorer.calm()
    assert explorer.page.evaluate(FOCUSED) == "Remove from search"


def test_the_page_that_has_the_focus_in_the_navigation_has_a_ring(explorer: Explorer) -> None:
    explorer.open("/?map=pca")
    link = explorer.page.get_by_role("link", name="Anomalies")
    explorer.page.get_by_role("link", name="Galaxy").focus()
    explorer.page.keyboard.press("Tab")
    style = "link => getComputedStyle(link).outlineStyle + getComputedStyle(link).outlineWidth"
    assert link.evaluate("link => link.matches(':focus')")
    assert link.evaluate(style) == "solid2px"


def test_digits_give_classes_to_the_galaxies_to_label_next_and_take_them_back(
    start: Callable[..., Any], browser: Any, tmp_path: Path
) -> None:
    server = start("--data", str(folder(tmp_path)), "--checkpoint", "random")
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    explorer = Explorer(context.new_page(), server.url).slow()
    page, keys = explorer.page, explorer.page.keyboard
    page.goto(server.url + "/probe?probe=linear&learn=labels&share=100")
    explorer.says(re.compile("test galaxies classified correctly$"))
    page.get_by_text("Label next", exact=True).click()
    explorer.says(re.compile("^Galaxy 1 of .*, no class yet. 0 have a class.$"))
    keys.press("2")
    explorer.says(re.compile("^Galaxy 2 of .*, no class yet. 1 has a class.$"))
    keys.press("ArrowLeft")
    explorer.says(re.compile("^Galaxy 1 of .*, your class: .* 1 has a class.$"))
    keys.press("2")
    explorer.says(re.compile("^Galaxy 1 of .*, no class yet. 0 have a class.$"))
    explorer.press_unseen("2", "1", "1")
    explorer.says(re.compile("^Galaxy 2 of .*, no class yet. 1 has a class.$"))
    tile = page.locator(".st-key-label_gallery .tile").first
    assert tile.inner_text().startswith("✓"), "the last key counts"
    keys.press("ArrowLeft")
    explorer.says(re.compile("^Galaxy 1 of .*, your class: .* 1 has a class.$"))
    keys.press("t")
    explorer.says(re.compile(r"1 of them given here\b"))
    assert explorer.complaints == []
    context.close()


def test_a_key_on_a_slow_page_marks_the_galaxy_that_is_seen_and_each_move_is_one_step(
    explorer: Explorer,
) -> None:
    page = explorer.slow().page
    page.goto(f"{explorer.url}/anomalies")
    explorer.appears(page.locator(".st-key-leaderboard .tile").first)
    page.get_by_text("Review", exact=True).click()
    explorer.says(re.compile("This galaxy is not marked yet. 0 marked so far"))
    name = page.get_by_role("heading", name=re.compile(r"^sim-"))
    first = name.inner_text()
    explorer.press_unseen("3", "3", "5")
    explorer.says("This galaxy is not marked yet. 1 marked so far, 1 of them with 4 or 5.")
    second = name.inner_text()
    assert second != first
    explorer.press_unseen("ArrowRight", "ArrowRight", "ArrowLeft")
    explorer.quiet()
    third = name.inner_text()
    assert third not in (first, second)
    page.keyboard.press("ArrowLeft")
    explorer.appears(page.get_by_role("heading", name=second))
    explorer.press_unseen("u", "u")
    explorer.says("This galaxy is not marked yet. 0 marked so far, 0 of them with 4 or 5.")
    assert name.inner_text() == first


def test_a_press_that_the_server_does_not_take_is_sent_again_while_the_page_rests(
    browser: Any,
) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.set_content('<div data-testid="stApp" data-test-script-state="running"></div>')
    page.add_script_tag(path=QUEUE)
    page.evaluate(
        """() => {
          window.sent = [];
          window.draw = (element) => queued("keys", element, (presses) => sent.push(presses.map((press) => press[1])));
          window.waiting = draw(document.body.firstChild);
          wait(waiting, 7);
          wait(waiting, 8);
        }"""
    )
    page.wait_for_timeout(3500)
    assert page.evaluate("sent") == [[7], [7, 8]], "not while it runs"
    # the run takes the component away, for longer than a try takes, and puts another in its place
    page.evaluate("() => { draw(document.createElement('i')); }")
    page.wait_for_function("waiting.timer === undefined")
    page.evaluate("() => { draw(document.body); }")
    page.evaluate("() => { document.querySelector('div').dataset.testScriptState = 'notRunning'; }")
    page.wait_for_function("sent.length > 2")
    assert page.evaluate("sent[2]") == [7, 8]
    page.evaluate("drop(waiting, waiting[0][0])")
    page.wait_for_function("sent.at(-1).length === 1")
    page.evaluate("drop(waiting, waiting[0][0])")
    page.wait_for_function("waiting.timer === undefined")
    context.close()

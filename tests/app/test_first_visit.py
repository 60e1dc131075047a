"""The first visitor of a server just started may ask for any page."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from explorer_page import Explorer

import astrojepa as aj
from app.pages.registry import pages
from astrojepa.data import find_data
from benchmarks.serving import READY, wait_until_healthy
from tests.app.conftest import running

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore::ResourceWarning")]
MAP, *OTHERS = pages()
# What stands there soon. A page that waits for torch is known by its place in the navigation,
# which comes with the word that there is no such page; its heading costs 5 s of importing.
SHOWN = {path: f"a[aria-current=page] >> text='{pages()[path].title}'" for path in OTHERS}
SHOWN["about"] = "h1 >> text=About"


@pytest.mark.parametrize(("path", "unknown"), [*((path, 0) for path in OTHERS), ("nowhere", 1)])
def test_a_first_visit_finds_the_page_that_was_asked_for(
    path: str, unknown: int, browser: Any, tmp_path: Path
) -> None:
    context = browser.new_context()
    with running(tmp_path) as server:
        explorer = Explorer(context.new_page(), server.url)
        explorer.page.goto(f"{server.url}/{path}")
        explorer.appears(explorer.page.locator(SHOWN.get(path, "canvas[data-drawn]")))
        told = explorer.page.get_by_role("dialog").filter(has_text="does not seem to exist")
        assert told.count() == unknown
        assert explorer.page.title() == "AstroJEPA explorer"
        context.close()


@pytest.fixture(scope="module")
def clone(start: Any) -> Any:
    """The explorer of a fresh clone, ready."""
    server = start()
    wait_until_healthy(server.url, server.process, server.log, READY)
    return server


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_the_map_stands_before_streamlit_does_and_gives_way_to_its_own(
    scheme: str, clone: Any, browser: Any
) -> None:
    context = browser.new_context(color_scheme=scheme)
    explorer = Explorer(context.new_page(), clone.url)
    page, held = explorer.page, []
    page.route("**/static/js/index*.js", lambda route: held.append(route))
    page.goto(clone.url, wait_until="commit")
    explorer.appears(page.locator("#first-look[data-drawn='1000']"))
    assert page.locator("canvas[data-drawn]").count() == 0, "Streamlit is there already"
    background = page.locator("#first-look").evaluate("it => getComputedStyle(it).backgroundColor")
    assert background == {"dark": "rgb(11, 14, 20)", "light": "rgb(255, 255, 255)"}[scheme]
    for request in held:
        request.continue_()
    explorer.drawn(1000)
    assert page.locator("#first-look").count() == 0
    assert explorer.complaints == []
    context.close()


def test_a_fresh_clone_opens_on_bundled_weights_and_simulated_galaxies(
    clone: Any, browser: Any
) -> None:
    if find_data() != "simulated":
        pytest.skip("Galaxy10 lies in data/, so this is no fresh clone")
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    explorer = Explorer(context.new_page(), clone.url).open()
    page = explorer.page
    explorer.drawn(1000)
    assert page.get_by_text("Simulated galaxies").first.is_visible()
    released = {str(card["id"]) for card in aj.list_checkpoints()}
    assert re.search(r"model=([^&]*)%40", page.url)[1] in released
    page.get_by_role("link", name="Models & data").click()
    explorer.says("Train your own")
    commands = page.get_by_test_id("stCode").inner_text()
    assert "python -m astrojepa data download" in commands
    assert "python train.py" in commands
    assert explorer.complaints == []
    context.close()


def test_a_first_visit_has_a_tour_of_three_steps_by_keyboard_and_the_next_one_has_none(
    server: Any, browser: Any
) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    explorer = Explorer(context.new_page(), server.url).open("/?map=pca")
    page = explorer.page
    introduction = page.get_by_role("group", name="Introduction")
    said, press = introduction.get_by_role("status"), introduction.get_by_role("button").first
    press.focus()
    for number in (1, 2, 3):
        assert said.inner_text().startswith(f"{number} of 3: ")
        page.keyboard.press("Enter")
    assert said.inner_text().startswith("Each point is a galaxy")
    page.reload()
    explorer.drawn()
    assert said.inner_text().startswith("Each point is a galaxy")
    introduction.get_by_role("button", name="Tour").press("Enter")
    assert said.inner_text().startswith("1 of 3: ")
    page.keyboard.press("Escape")
    assert said.inner_text().startswith("Each point is a galaxy")
    assert explorer.complaints == []
    context.close()


@pytest.mark.parametrize(("width", "most"), [(1440, 165), (390, 330)])
def test_menus_and_one_line_stand_above_the_map(
    width: int, most: int, server: Any, browser: Any
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900})
    context.add_init_script("localStorage.setItem('astrojepa:tour', 'read')")
    explorer = Explorer(context.new_page(), server.url).open("/?map=pca")
    assert explorer.canvas.bounding_box()["y"] <= most, "pixels"
    context.close()

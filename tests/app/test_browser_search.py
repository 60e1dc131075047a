"""Search by example in a real browser: from an image file, by galaxies, by a region, elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from explorer_page import Explorer, identities
from PIL import Image

import astrojepa as aj

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore::ResourceWarning")]
VIEW = {"width": 1280, "height": 900}


def test_an_image_finds_its_galaxy_and_examples_narrow_the_search(
    server: Any, browser: Any, tmp_path: Path
) -> None:
    context = browser.new_context(viewport=VIEW)
    explorer = Explorer(context.new_page(), server.url).open("/?map=pca")
    page = explorer.page
    Image.fromarray(aj.open_dataset("simulated:200")[33].image).save(tmp_path / "mine.png")
    page.get_by_role("button", name="Search by image").click()
    page.locator("input[type=file]").first.set_input_files(str(tmp_path / "mine.png"))
    explorer.says("Searching for galaxies like 1 example")
    explorer.says("100 of 200 galaxies match.")
    page.keyboard.press("Escape")
    explorer.quiet()
    gallery = page.locator(".gallery", has_text="search rank 1")
    gallery.get_by_role("button").first.click()
    explorer.says(identities()[33])
    page.get_by_role("button", name="More like this").click()
    explorer.says("Searching for galaxies like 2 examples")
    explorer.quiet()  # the address is written when the page is whole
    assert "like=33" in page.url
    page.get_by_role("button", name="End search").click()
    explorer.quiet()
    page.get_by_text("Searching for galaxies").wait_for(state="detached")
    page.get_by_role("button", name="Search by image").click()
    explorer.says("Images stay in this session's memory.")
    explorer.quiet()
    assert page.get_by_text("mine.png").count() == 0, "the list of files is empty again"
    assert explorer.complaints == []
    assert explorer.outside == []
    context.close()


def test_a_region_is_drawn_searched_and_opens_elsewhere_from_its_link(
    server: Any, browser: Any
) -> None:
    context = browser.new_context(viewport=VIEW)
    explorer = Explorer(context.new_page(), server.url).open("/?map=pca&galaxy=12")
    page = explorer.page
    page.get_by_role("button", name="Open galaxy page").click()
    page.get_by_text("Drawn by hand").first.click()
    page.get_by_role("button", name="Find this region elsewhere").click()
    explorer.says("a region like the bright one")
    explorer.says("100 of 200 galaxies match.")
    elsewhere = browser.new_context(viewport=VIEW)
    other = Explorer(elsewhere.new_page(), server.url)
    other.page.goto(page.url)
    other.drawn().says("a region like the bright one")
    other.says("100 of 200 galaxies match.")
    for opened in (explorer, other):
        assert opened.complaints == []
    elsewhere.close()
    context.close()

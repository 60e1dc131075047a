"""The map explains itself in a real browser: clusters by a link, and what differs."""

from __future__ import annotations

import re
from typing import Any

import pytest
from explorer_page import Explorer, identities

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore::ResourceWarning")]
VIEW = {"width": 1280, "height": 900}
FILTER = "filter=class+in+%5B%22Merging%22%2C+%22Round+Smooth%22%5D"


def test_clusters_come_by_a_link_and_what_differs_leads_to_a_galaxy(
    server: Any, browser: Any
) -> None:
    context = browser.new_context(viewport=VIEW)
    explorer = Explorer(context.new_page(), server.url)
    explorer.open(f"/?map=pca&colour=feature+cluster&{FILTER}")
    page = explorer.page
    explorer.says(re.compile("in feature space hold|No stable clusters"))
    explorer.appears(page.locator(".chip", has_text="in no cluster"))
    page.get_by_text("What differs?", exact=True).click()
    explorer.says(re.compile(r"of \d+ columns differ significantly"))
    explorer.says(re.compile("^Everything else: 6 typical galaxies of"))
    stands = page.locator(".st-key-exemplars_0 [data-row]").nth(2)
    explorer.appears(stands)
    explorer.quiet()  # else what stands there may still change between reading and clicking
    row = int(stands.get_attribute("data-row"))
    stands.click()
    page.wait_for_url(re.compile(f"id={identities()[row]}(&|$)"))
    assert "colour=feature" in page.url
    matching = page.locator(".status").inner_text()
    assert explorer.shown_row() == row

    elsewhere = browser.new_context(viewport=VIEW)
    other = Explorer(elsewhere.new_page(), server.url)
    other.page.goto(page.url)
    other.says(re.compile("in feature space hold|No stable clusters"))
    other.appears(other.page.locator(".chip", has_text="in no cluster"))
    assert other.quiet().page.locator(".status").inner_text() == matching
    assert other.shown_row() == row
    for opened in (explorer, other):
        assert opened.complaints == []
        assert opened.outside == []
    elsewhere.close()
    context.close()

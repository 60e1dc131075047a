"""The first visitor of a server just started may ask for any page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from explorer_page import Explorer

from app.pages.registry import pages
from tests.app.conftest import running

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore::ResourceWarning")]
MAP, *OTHERS = pages()
# What stands there soon. A page that waits for torch is known by its place in the navigation,
# which comes with the word that there is no such page; its heading costs 5 s of importing.
SHOWN = {path: f"a[aria-current=page] >> text='{pages()[path].title}'" for path in OTHERS}
SHOWN |= {"about": "h1 >> text=About", "models": "h1 >> text=Models & data"}


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

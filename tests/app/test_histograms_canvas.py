"""The small histograms on a page of their own, without a server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / "app" / "components" / "histograms"
PAGE = """<!doctype html><div id="host"><div class="panels"></div></div><script type="module">
import histograms from "/histograms.js";
window.sent = [];
window.show = (...panels) => histograms({
  parentElement: document.getElementById("host"), data: { panels },
  setTriggerValue: (name, value) => window.sent.push(value.choice),
});
window.ready = true;
</script>"""
REDSHIFT = {"column": "z", "title": "z", "words": [], "edges": ["0", "1", "2"], "all": [5, 5, 0, 0]}
CLASS = {"column": "class", "title": "class", "words": ["spiral", "merger"], "all": [6, 4, 0, 0]}


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    page = browser.new_page()
    page.route(
        "http://panels.test/**",
        lambda route: route.fulfill(
            body=(FOLDER / "histograms.js").read_text(encoding="utf-8")
            if route.request.url.endswith(".js")
            else PAGE,
            content_type="text/javascript" if route.request.url.endswith(".js") else "text/html",
        ),
    )
    page.goto("http://panels.test/")
    page.wait_for_function("window.ready")
    yield page
    page.close()


@pytest.mark.parametrize(
    ("pressed", "expected"),
    [("[data-column=z] .bars", ["z", 0, 0]), ("[data-column=class] .word", ["class", 0])],
)
def test_a_press_counts_where_other_histograms_come_before_it_ends(
    page: Any, pressed: str, expected: list[object]
) -> None:
    page.evaluate("panels => window.show(...panels)", [REDSHIFT, CLASS])
    box = page.locator(pressed).first.bounding_box()
    page.mouse.move(box["x"] + 2, box["y"] + 2)
    page.mouse.down()
    page.evaluate("panels => window.show(...panels)", [REDSHIFT, CLASS, REDSHIFT | {"column": "m"}])
    page.mouse.up()
    page.locator("[data-column=m]").wait_for()
    assert page.evaluate("window.sent") == [expected]

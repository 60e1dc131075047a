"""Marks and collections survive a reload: what a browser keeps, and what comes back of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from explorer_page import PATIENCE, Explorer
from hypothesis import given
from hypothesis import strategies as st

import app
from app.session import keepsake
from app.session.keepsake import Kept

NAMES = st.text("abc xyz", min_size=1, max_size=8).map(str.strip).filter(bool)
ROWS = st.sets(st.integers(0, 49), min_size=1).map(lambda rows: tuple(sorted(rows)))


@given(
    st.dictionaries(st.integers(0, 49), st.integers(0, 5)),
    st.dictionaries(st.sampled_from(["rings", "two arms", "x"]), ROWS, max_size=3),
)
def test_what_is_written_is_read_back(
    marks: dict[int, int], collections: dict[str, tuple[int, ...]]
) -> None:
    kept = Kept(marks, collections, dict.fromkeys(collections, ("0123abcd",)))
    assert keepsake.read(keepsake.write(kept), 50) == kept


@given(
    st.dictionaries(NAMES, st.integers(0, 5)),
    st.dictionaries(st.sampled_from(["rings", "two arms"]), st.sets(NAMES, min_size=1)),
)
def test_galaxies_of_a_large_store_are_kept_by_id(
    marks: dict[str, int], sets: dict[str, set[str]]
) -> None:
    collections = {name: tuple(sorted(ids)) for name, ids in sets.items()}
    kept = Kept(marks, collections)
    assert keepsake.read(keepsake.write(kept), None) == kept


def test_collections_that_are_too_large_for_a_browser_do_not_make_it_forget_marks() -> None:
    kept = Kept({7: 3}, {"all": tuple(range(400_000))})
    assert not keepsake.fits(kept)
    assert keepsake.read(keepsake.write(kept), 400_000) == Kept({7: 3})
    assert keepsake.fits(Kept({7: 3}, {"few": (1, 2)}))
    assert keepsake.fits(Kept({7: 3}))


def test_nothing_is_written_as_nothing_so_that_the_browser_forgets() -> None:
    assert keepsake.write(Kept()) == ""
    assert keepsake.read("", 10) == Kept()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=12,
)


@pytest.mark.slow
@given(
    st.fixed_dictionaries(
        {"format": st.just(1)}, optional=dict.fromkeys(("marks", "collections", "drawn_on"), JSON)
    )
)
def test_whatever_a_browser_sends_gives_galaxies_that_are_there(content: dict[str, Any]) -> None:
    kept = keepsake.read(json.dumps(content), 5)
    assert all(0 <= row < 5 and 0 <= value <= 5 for row, value in kept.marks.items())
    assert all(0 <= row < 5 for rows in kept.collections.values() for row in rows)


@pytest.mark.parametrize(
    "text", [None, 7, "{", "[]", "[" * 100_000, '{"format":2,"marks":[[1,1]]}']
)
def test_what_is_no_keepsake_is_ignored(text: object) -> None:
    assert keepsake.read(text, 5) == Kept()


@pytest.fixture
def explorer(server: Any, browser: Any) -> Iterator[Explorer]:
    context = browser.new_context(viewport={"width": 1280, "height": 1600})
    yield Explorer(context.new_page(), server.url)
    context.close()


@pytest.mark.browser
def test_a_reload_keeps_collections_and_marks(explorer: Explorer) -> None:
    page = explorer.open().page
    count = re.match(r"\d+", explorer.draw_box())
    assert count
    page.get_by_role("button", name="Add to a collection").click()
    page.get_by_placeholder("Rings").fill("mine")
    page.get_by_placeholder("Rings").press("Enter")
    page.locator(".st-key-collection_add button").click()
    explorer.says(f"mine now holds {count[0]} galaxies")
    page.goto(f"{explorer.url}/anomalies")
    page.get_by_text("Review", exact=True).first.click()
    explorer.says("This galaxy is not marked yet")
    explorer.quiet()
    page.keyboard.press("4")
    explorer.says("1 marked so far, 1 of them with 4 or 5")
    explorer.quiet()
    page.goto(f"{explorer.url}/anomalies")
    page.reload()
    page.get_by_text("Review", exact=True).first.click()
    explorer.says("1 marked so far, 1 of them with 4 or 5")
    page.goto(f"{explorer.url}/probe")
    page.get_by_label("Target").click()
    page.get_by_text("My collections").last.click()
    page.get_by_text(f"mine {count[0]}").wait_for(timeout=PATIENCE)
    assert explorer.complaints == []


@pytest.mark.browser
def test_a_browser_hands_back_what_was_kept_before_and_never_what_this_session_wrote(
    browser: Any,
) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.route("**/*", lambda route: route.fulfill(body="<p>", content_type="text/html"))
    script = (Path(app.__file__).parent / "components" / "keepsake" / "keepsake.js").read_text()
    draw = """async ([script, text, session, heard]) => {
      const { default: draw } = (window.drawn ??= await import(URL.createObjectURL(new Blob([script], { type: "text/javascript" }))));
      let found = null;
      draw({ data: { texts: { a: text }, session, heard }, setTriggerValue: (_, { kept }) => (found = kept.a) });
      return [found, localStorage.getItem("astrojepa:a")];
    }"""

    def drawn(text: str, session: str = "1", heard: bool = False) -> list[str | None]:
        return list(page.evaluate(draw, [script, text, session, heard]))

    page.goto("http://explorer.example/")
    assert drawn("") == [None, None]
    assert drawn("ring") == [None, "ring"]
    assert drawn("") == [None, None], "what was taken back stays taken back"
    assert drawn("bar") == [None, "bar"]
    assert drawn("", session="2") == ["bar", "bar"], "a server that was started again asks"
    page.reload()
    assert drawn("") == ["bar", "bar"], "what was kept before is not written over"
    assert drawn("bar, ring", heard=True) == [None, "bar, ring"]
    page.evaluate("localStorage.setItem('astrojepa:a', 'another tab')")
    assert drawn("bar") == ["another tab", "another tab"]
    context.close()

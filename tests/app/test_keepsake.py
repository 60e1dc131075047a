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


@pytest.mark.parametrize(
    ("mine", "before", "now", "after"),
    [
        (Kept(), Kept(), Kept({1: 5}), {1: 5}),
        (Kept({1: 2}), Kept(), Kept({1: 5}), {1: 2}),
        (Kept({1: 2}), Kept({1: 2}), Kept({1: 5}), {1: 5}),
        (Kept({1: 3}), Kept({1: 2}), Kept({1: 5}), {1: 3}),
        (Kept(), Kept({1: 2}), Kept({1: 2, 2: 0}), {2: 0}),
        (Kept({1: 2, 2: 0}), Kept({1: 2, 2: 0}), Kept(), {1: 2, 2: 0}),
    ],
)
def test_what_others_added_comes_beside_what_is_held_here(
    mine: Kept, before: Kept, now: Kept, after: dict[int, int]
) -> None:
    assert keepsake.joined(mine, before, now).marks == after


def test_collections_grow_by_what_others_added_and_what_was_taken_out_here_stays_out() -> None:
    mine = Kept({}, {"rings": (1, 3), "mine": (9,)}, {"rings": ("b",)})
    before = Kept({}, {"rings": (1, 2), "gone": (5,)}, {"rings": ("b",)})
    now = Kept({}, {"rings": (1, 2, 4), "gone": (5,), "new": (7, 8)}, {"rings": ("b", "a")})
    assert keepsake.joined(mine, before, now) == Kept(
        {}, {"rings": (1, 3, 4), "mine": (9,), "new": (7, 8)}, {"rings": ("a", "b")}
    )


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
def test_two_tabs_that_mark_galaxies_in_turn_keep_the_marks_of_both(explorer: Explorer) -> None:
    other = Explorer(explorer.page.context.new_page(), explorer.url)
    for tab in (explorer, other):
        tab.page.goto(f"{tab.url}/anomalies")
        tab.page.get_by_text("Review", exact=True).first.click()
        tab.says("This galaxy is not marked yet")
        tab.quiet()
    for tab, mark, said in (
        (other, "4", "1 marked so far, 1 of them with 4 or 5"),
        (explorer, "5", "1 marked so far, 1 of them with 4 or 5"),
        (other, "3", "2 marked so far, 1 of them with 4 or 5"),
        (other, "2", "3 marked so far, 1 of them with 4 or 5"),
        # its first mark was another, so that its second galaxy is too
        (explorer, "4", "4 marked so far, 2 of them with 4 or 5"),
    ):
        tab.page.bring_to_front()
        tab.page.keyboard.press(mark)
        tab.says(said)
        tab.quiet()
    other.page.reload()
    other.page.get_by_text("Review", exact=True).first.click()
    other.says("4 marked so far, 2 of them with 4 or 5")
    assert explorer.complaints + other.complaints == []


class Tab:
    """A page of a browser that keeps what its session holds, and a session that takes what it is
    handed.
    """

    def __init__(self, context: Any, session: str) -> None:
        self.page, self.session, self.taken = context.new_page(), session, None
        self.page.route("**/*", lambda route: route.fulfill(body="<p>", content_type="text/html"))
        self.page.goto("http://explorer.example/")
        self.holds = Kept()

    def draw(self) -> list[Any]:
        """Draw once: what is handed over, before and now, and what the browser keeps after."""
        script = (Path(app.__file__).parent / "components/keepsake/keepsake.js").read_text()
        handed, self.number, text = self.page.evaluate(
            """async ([script, text, session, taken]) => {
          const { default: draw } = (window.drawn ??= await import(URL.createObjectURL(new Blob([script], { type: "text/javascript" }))));
          let found = {};
          draw({ data: { texts: { a: text }, session, taken }, setTriggerValue: (_, told) => (found = told.found) });
          return [found.kept?.a, found.number, localStorage.getItem("astrojepa:a")];
        }""",
            [script, keepsake.write(self.holds), self.session, self.taken],
        )
        return [handed and [keepsake.read(one, 50) for one in handed], keepsake.read(text, 50)]

    def use(self, *rings: int) -> Kept:
        """Do as a page of the explorer does after a click; what the browser keeps in the end."""
        if rings:
            self.holds = Kept(dict.fromkeys(rings, 5))
        for _ in range(3):
            handed, kept = self.draw()
            if handed is None:
                seen = "text => (localStorage.getItem('astrojepa:a') ?? '') === text"
                for page in self.page.context.pages:  # other tabs see it a moment later
                    page.wait_for_function(seen, arg=keepsake.write(self.holds))
                return kept
            self.holds, self.taken = keepsake.joined(self.holds, *handed), self.number
        raise AssertionError("the page is drawn again and again")


RING, BAR, BOTH = Kept({1: 5}), Kept({2: 5}), Kept({1: 5, 2: 5})


@pytest.mark.browser
def test_a_browser_hands_back_what_was_kept_before_and_never_what_this_session_wrote(
    browser: Any,
) -> None:
    context = browser.new_context()
    tab = Tab(context, "1")
    assert tab.draw() == [None, Kept()]
    assert tab.use(1) == RING
    tab.holds = Kept()
    assert tab.draw() == [None, Kept()], "what was taken back stays taken back"
    assert tab.use(2) == BAR
    tab.session, tab.holds = "2", Kept()
    assert tab.draw() == [[Kept(), BAR], BAR], "a server that was started again asks"
    assert tab.draw() == [[Kept(), BAR], BAR], "until it has taken it"
    assert tab.use() == BAR
    tab.holds = Kept()
    assert tab.use() == Kept(), "then it can be taken back"
    tab.use(2)
    again = Tab(context, "3")
    assert again.use() == BAR
    assert again.holds == BAR, "what was kept before is not written over"
    context.close()


@pytest.mark.browser
def test_tabs_of_one_browser_never_lose_what_the_other_added(browser: Any) -> None:
    context = browser.new_context()
    one, other = Tab(context, "1"), Tab(context, "2")
    one.use()
    assert other.use(1) == RING
    one.use()
    assert one.holds == RING
    assert other.use(1, 2) == BOTH
    assert one.use() == BOTH, "it does not write over what the other has added since"
    assert one.holds == BOTH
    assert one.use(2) == BAR, "what is taken back is not brought back by what was known"
    assert one.use() == BAR
    assert Tab(context, "3").use() == BAR
    context.close()

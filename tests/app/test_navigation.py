"""A click on another page stands, also where parts of the page that is left ask for something in
the same moment; a page stays, also where a browser is slow to draw it.
"""

from __future__ import annotations

import asyncio
from itertools import product
from typing import Any

import pytest
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData, ScriptRequests

from app.server import navigation
from benchmarks.app_clients import Tally, Visitor, run

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> ScriptRequests:
    # undone after the test
    monkeypatch.setattr(PagesManager, "uses_pages_directory", None)
    for asked in (ScriptRequests, AppSession):
        monkeypatch.setattr(asked, "request_rerun", asked.request_rerun)
    navigation.mend()
    return ScriptRequests()


def tick(page: str, timer: bool = True) -> RerunData:
    """What a progress bar asks for, or a component of a part of a page."""
    return RerunData(page_script_hash=page, fragment_id="bar", is_auto_rerun=timer)


ASKS = pytest.mark.parametrize("timer", [True, False], ids=["a timer", "a component"])


@ASKS
def test_what_a_part_asks_behind_a_click_on_another_page_does_not_take_the_visitor_back(
    requests: ScriptRequests, timer: bool
) -> None:
    requests.request_rerun(RerunData(page_script_hash="models"))
    assert requests.request_rerun(tick("map", timer))
    assert requests.on_scriptrunner_ready().rerun_data.page_script_hash == "models"


@ASKS
def test_what_a_part_of_the_page_that_is_left_asks_while_the_other_is_drawn_is_not_drawn_after_it(
    requests: ScriptRequests, timer: bool
) -> None:
    requests.request_rerun(RerunData(page_script_hash="models"))
    requests.on_scriptrunner_ready()
    assert requests.request_rerun(tick("map", timer))
    assert requests.on_scriptrunner_yield() is None
    assert requests.on_scriptrunner_ready().type.value == "STOP", "nothing waits"


@pytest.mark.parametrize("before", ["", "map"])
def test_a_tick_of_the_page_that_is_open_is_drawn(requests: ScriptRequests, before: str) -> None:
    requests.request_rerun(RerunData(page_script_hash=before))  # a first visit names no page
    requests.on_scriptrunner_ready()
    assert requests.request_rerun(tick("map"))
    assert requests.on_scriptrunner_ready().rerun_data.fragment_id_queue == ["bar"]


def test_somebody_who_clicks_on_one_page_after_the_other_comes_to_the_last(
    requests: ScriptRequests,
) -> None:
    for page in ("models", "map", "about"):
        requests.request_rerun(RerunData(page_script_hash=page))
    assert requests.on_scriptrunner_ready().rerun_data.page_script_hash == "about"


class Walker(Visitor):
    """A visitor who knows the pages."""

    def __init__(self, url: str, tally: Tally) -> None:
        super().__init__(url, tally)
        self.pages: dict[str, str] = {}
        self.first = ""  # the page that Streamlit names before the script has chosen one
        self.lost: list[str] = []  # answers to timers that a browser takes for another page

    def _hear(self, message: Any) -> None:
        if message.WhichOneof("type") == "new_session":
            page = message.new_session.page_script_hash
            self.first = self.first or page
            if message.metadata.run.fragment_ids and page != self.page:
                self.lost.append(page)
        super()._hear(message)
        if message.WhichOneof("type") == "navigation":
            self.pages = {
                page.url_pathname or "map": page.page_script_hash
                for page in message.navigation.app_pages
            }


@pytest.mark.slow(20)
def test_what_a_page_that_is_left_still_asks_for_does_not_take_its_visitor_back(
    start: Any,
) -> None:
    tally = Tally()

    async def leave() -> tuple[str, str]:
        walker = Walker(start("--data", "simulated:120", "--checkpoint", "random").url, tally)
        opening = asyncio.create_task(walker.open())
        async with asyncio.timeout(120):
            while not (walker.timers and walker.pages):
                await asyncio.sleep(0.001)
        opening.cancel()
        [bar], left = walker.timers, walker.page
        for timer in (True, False, True, False):
            walker.page = walker.pages["about"]
            await walker._rerun()
            walker.page = left
            await walker._rerun(bar, timer=timer)
        await asyncio.sleep(0.1)
        await walker._until(lambda: not walker.running and not walker.timers, 60)
        await walker.close()
        return walker.page, walker.pages["about"]

    arrived, wanted = run(leave)
    assert arrived == wanted
    assert tally.errors == []


@pytest.mark.slow(20)
def test_a_part_that_asks_before_the_browser_knows_its_page_does_not_clear_it(start: Any) -> None:
    """A browser that is slow to draw still names the page that it had before, or none. What it is
    answered would come when it has drawn its page, and clear it: a white window.
    """
    tally = Tally()

    async def tick_too_early() -> Walker:
        walker = Walker(start("--data", "simulated:120", "--checkpoint", "random").url, tally)
        opening = asyncio.create_task(walker.open())
        async with asyncio.timeout(120):
            while not (walker.timers and walker.pages):
                await asyncio.sleep(0.001)
        [bar], here = walker.timers, walker.page
        for early, timer in product((walker.first, ""), (True, False)):
            walker.page = early
            await walker._rerun(bar, timer=timer)
            walker.page = here
        await opening
        await walker.close()
        return walker

    walker = run(tick_too_early)
    assert walker.first != walker.page
    assert walker.lost == []
    assert walker.count == 120
    assert tally.errors == []

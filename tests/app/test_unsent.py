"""What a run of one part of a page no longer draws goes, also where a progress bar runs beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, running
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue

from app.server import unsent

PART_ENDED = ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY
# a page in two parts: one that shows a sentence or none, slowly, and one that runs by itself
PAGE = f"""
import sys
import time
import streamlit as st

sys.path.insert(0, {str(ROOT)!r})
from app.server import unsent

unsent.mend()

@st.fragment
def part():
    shown = st.toggle("Show it")
    time.sleep(0.3)
    if shown:
        st.write("This is shown.")

@st.fragment(run_every=0.1)
def bar():
    st.caption(time.ctime())

part()
bar()
"""


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> ForwardMsgQueue:
    monkeypatch.setattr(ForwardMsgQueue, "clear", ForwardMsgQueue.clear)  # undone after the test
    unsent.mend()
    queue = ForwardMsgQueue()
    queue.enqueue(drawn("map", "a galaxy"))
    ended = ForwardMsg(script_finished=PART_ENDED)
    ended.metadata.run.fragment_ids.append("map")
    queue.enqueue(ended)
    return queue


def drawn(part: str, text: str) -> ForwardMsg:
    """What a part draws at the first place of the page."""
    message = ForwardMsg()
    message.metadata.delta_path.extend([0, 0])
    message.delta.fragment_id = part
    message.delta.new_element.text.body = text
    return message


@pytest.mark.parametrize("part", ["bar", "map"], ids=["another part", "the same part"])
def test_what_a_part_has_drawn_and_its_end_are_sent_before_the_next_run_of_a_part(
    queue: ForwardMsgQueue, part: str
) -> None:
    queue.clear(retain_lifecycle_msgs=True, fragment_ids_this_run=[part])
    queue.enqueue(drawn(part, "drawn later"))
    first, ended, later = queue.flush()
    assert first.delta.new_element.text.body == "a galaxy"
    assert ended.script_finished == PART_ENDED
    assert later.delta.new_element.text.body == "drawn later", "behind the start of its own run"


def test_a_run_of_the_whole_page_clears_what_waits(queue: ForwardMsgQueue) -> None:
    queue.clear(retain_lifecycle_msgs=True)
    (ended,) = queue.flush()
    assert ended.script_finished == ForwardMsg.FINISHED_EARLY_FOR_RERUN


def test_what_was_sent_is_not_sent_again(queue: ForwardMsgQueue) -> None:
    queue.flush()
    assert not queue.flush()


@pytest.mark.slow
def test_a_sentence_goes_at_once_where_a_part_that_runs_by_itself_stands_beside_it(
    tmp_path: Path, browser: Any
) -> None:
    script = tmp_path / "page.py"
    script.write_text(PAGE)
    with running(tmp_path, script=script) as server:
        page = browser.new_page()
        page.set_default_timeout(120_000)
        page.goto(server.url)
        toggle, sentence = page.get_by_text("Show it"), page.get_by_text("This is shown.")
        for _ in range(3):
            toggle.click()
            sentence.wait_for()
            toggle.click()
            sentence.wait_for(state="detached")
        page.close()

"""The explorer runs with a later Streamlit whose internals differ from those it was tested with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, running
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue
from streamlit.runtime.scriptrunner_utils import script_requests

from app.server import navigation, unsent

# while the explorer starts, what it mends is gone from where it was
SCRIPT = f"""
import runpy
import streamlit as st
from streamlit.runtime import app_session, forward_msg_queue

session, queue = app_session.AppSession, forward_msg_queue.ForwardMsgQueue
del app_session.AppSession, forward_msg_queue.ForwardMsgQueue
app = runpy.run_path({str(ROOT / "app" / "main.py")!r}, run_name="app.main")["app"]
app_session.AppSession, forward_msg_queue.ForwardMsgQueue = session, queue
if not app:
    app = st.App("")  # by which Streamlit knows a server with its own routes
"""


@pytest.mark.slow
def test_an_explorer_on_it_says_so_in_its_log_and_draws_its_pages(
    tmp_path: Path, browser: Any
) -> None:
    script = tmp_path / "explorer.py"
    script.write_text(SCRIPT)
    with running(tmp_path, script=script) as server:
        page = browser.new_page()
        page.set_default_timeout(120_000)
        page.goto(server.url)
        page.locator("canvas").first.wait_for()
        page.close()
    log = (tmp_path / "log.txt").read_text()
    assert log.count("differ from those") == 2
    assert "AppSession" in log
    assert "ForwardMsgQueue" in log


def test_internals_that_differ_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    clear = lambda self, retain_lifecycle_msgs=False: None  # noqa: E731
    monkeypatch.setattr(ForwardMsgQueue, "clear", clear)
    with pytest.raises(AttributeError, match="clear"):
        unsent.mend()
    assert ForwardMsgQueue.clear is clear
    ask = script_requests.ScriptRequests.request_rerun
    monkeypatch.setattr(script_requests.ScriptRequests, "__init__", lambda self: None)
    with pytest.raises(AttributeError, match="_rerun_data"):
        navigation.mend()
    assert script_requests.ScriptRequests.request_rerun is ask

"""Streamlit's navigation, as the explorer needs it.

Pages are what `st.navigation` lists. Until it has run once, Streamlit takes a folder `pages` beside
the entry for its older kind of pages, and tells a first visitor that ours do not exist.

A visitor's way to another page stands, whatever the page that is left still asks for. Streamlit
joins the requests that wait for the script to one, and the newest names the page: what a part of a
page asks for just after a click on another page, a progress bar's timer or the map that has come to
rest, would take its visitor back (the same is said of `st.rerun` in streamlit/streamlit#16158). If
it waits until the other page is drawn, the browser clears that for what it takes for a new page,
and gets nothing: a white window.

A part can also ask before a slow browser has drawn which page it is on, and is answered as if that
were another page: a white window again. So a part of any page but the one that is open is not
answered; a timer ticks again, and what a widget holds comes with the next request.
"""

from __future__ import annotations

from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData, ScriptRequests


def outdated(asked: RerunData, before: RerunData) -> bool:
    """Whether a request comes from a part of a page that was left."""
    return bool(asked.fragment_id) and "" != before.page_script_hash != asked.page_script_hash


def mend() -> None:
    """Have Streamlit leave folder `pages` alone, and drop what parts of closed pages ask for.

    Raises:
        AttributeError: in a version of Streamlit whose internals differ; its requests stay.

    """
    PagesManager.uses_pages_directory = False
    accept, ask = ScriptRequests.request_rerun, AppSession.request_rerun
    outdated(RerunData(fragment_id="part"), ScriptRequests()._rerun_data)
    if "_pages_manager" not in AppSession.__init__.__code__.co_names:
        raise AttributeError("AppSession._pages_manager")

    def request_rerun(self: ScriptRequests, new_data: RerunData) -> bool:
        return outdated(new_data, self._rerun_data) or accept(self, new_data)

    def request_from_page(self: AppSession, client_state: ClientState | None) -> None:
        here = self._pages_manager.current_page_script_hash
        if not (
            client_state and client_state.fragment_id and client_state.page_script_hash != here
        ):
            ask(self, client_state)

    ScriptRequests.request_rerun = request_rerun  # type: ignore[method-assign]
    AppSession.request_rerun = request_from_page  # type: ignore[method-assign]

"""The menu of an export: which format it offers first."""

from __future__ import annotations

from page_runner import QUIET
from streamlit.testing.v1 import AppTest

pytestmark = QUIET


def _page() -> None:
    import streamlit as st

    from app.components.export_menu import export_menu

    for key in ("selection", "marks"):
        if st.session_state.get(key, True):
            export_menu(key, key, 3, lambda ending: ending.encode())


def _formats(test: AppTest) -> list[str]:
    return [str(box.value) for box in test.selectbox]


def test_the_format_last_chosen_holds_in_every_menu_that_is_opened_after_it() -> None:
    test = AppTest.from_function(_page).run()
    assert _formats(test) == [".csv", ".csv"]
    test.selectbox[0].select(".vot").run()
    assert _formats(test) == [".vot", ".vot"]
    test.session_state["selection"] = False
    assert _formats(test.run()) == [".vot"]
    test.selectbox[0].select(".fits").run()
    test.session_state["selection"] = True
    assert _formats(test.run()) == [".fits", ".fits"]
    assert not test.exception

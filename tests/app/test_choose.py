"""One of a few choices is always chosen."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest


def test_where_a_browser_sends_no_choice_the_first_one_counts() -> None:
    def page() -> None:
        import streamlit as st

        from app.components.choose import choose

        st.text(choose("Map", {"pca": "PCA", "umap": "UMAP"}, "chosen"))

    test = AppTest.from_function(page).run()
    assert test.text[0].value == "pca"
    test.session_state["chosen"] = None
    assert test.run().text[0].value == "pca"
    assert not test.exception
    test.session_state["chosen"] = "umap"
    assert test.run().text[0].value == "umap"

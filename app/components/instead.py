"""What is shown in place of what a link, or the session, asks for and is not there."""

from __future__ import annotations

import streamlit as st

from .escape_markdown import escape_markdown

SECONDS = 30


def say_instead(wanted: str, shown: str) -> None:
    """Say what is not there, which may be an attacker's text, and what is shown in its place; the
    sentence stays while the page is drawn anew.
    """
    st.toast(f"{escape_markdown(wanted)}; {escape_markdown(shown)}.", duration=SECONDS)

"""Send galaxies to TOPCAT or Aladin, from an explorer on one's own machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import streamlit as st

from astrojepa.tables import Column
from astrojepa.wording import galaxies

from ..session import export
from ..session.gathered import Gathered
from .escape_markdown import escape_markdown

HELP = (
    "Sends a VOTable by SAMP to the programs of this desktop that take one. Start TOPCAT or Aladin "
    "first; where none runs, a message says so."
)


def send_button(
    about: Gathered,
    key: str,
    name: str,
    rows: Callable[[], Sequence[int]],
    more: Callable[[], Sequence[Column]],
) -> None:
    """Draw the button, but not where hosted; rows and columns are made when it is pressed."""
    if about.hosted:
        return
    said = f"sent_{key}"

    def send() -> None:
        from astrojepa.samp import send_table

        data, chosen = about.of(np.asarray(rows(), dtype=np.int64))
        made_by, digest = about.made_by
        facts = {"model": made_by, "model_hash": digest, **about.facts}
        try:
            found = send_table(export.table_columns(data, chosen, more()), facts, name)
            st.session_state[said] = f"Sent {galaxies(len(chosen))} to {', '.join(found)}."
        except (ValueError, OSError) as error:
            st.session_state[said] = str(error)

    st.button("Send to TOPCAT", key=f"send_{key}", on_click=send, help=HELP)
    if sentence := st.session_state.pop(said, ""):
        st.caption(escape_markdown(sentence))

"""A table as a file: the format is chosen, and the file is written when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from functools import partial

import streamlit as st

from ..session import export, state

# what a row is, and rows are
GALAXY, IMAGE = ("galaxy", "galaxies"), ("image", "images")
MARK, SCORE, COLUMN = ("mark", "marks"), ("score", "scores"), ("column", "columns")


def export_menu(
    key: str,
    stem: str,
    count: int,
    write: Callable[[str], bytes],
    rows: tuple[str, str] = GALAXY,
    *,
    behind_a_button: bool = True,
) -> None:
    """Offer `count` rows as the file `stem` in any format.

    `write` takes the ending, such as .vot. It runs when the file is asked for, outside of the page,
    where the session is empty: what it needs of the session, it has to hold.
    """
    button = partial(st.popover, "Export", key=f"export_{key}", disabled=not count)
    with button() if behind_a_button else nullcontext():
        chosen = f"export_format_{key}"  # of all menus alike
        st.session_state[chosen] = st.session_state.get(state.EXPORT_FORMAT, ".csv")
        ending = st.selectbox(
            "Format",
            list(export.FORMATS),
            format_func=export.FORMATS.__getitem__,
            key=chosen,
            on_change=_hold_format,
            args=(chosen,),
        )
        if ending != ".csv" and rows == GALAXY:
            st.caption(
                "Model, data and filter stand in the header. A position or redshift that no galaxy "
                "has is left out."
            )
        if ending == ".fits":
            st.caption(r"FITS holds ASCII only: other letters are escaped, é as `\xe9`.")
        st.download_button(
            # the format too, so that a press before the page is drawn anew is seen for what it is
            f"Download {count:,} {rows[count != 1]} as {ending}",
            lambda: write(ending),
            f"{stem}{ending}",
            "text/csv" if ending == ".csv" else "application/octet-stream",
            key=f"export_file_{key}",
            on_click="ignore",
            type="primary",
        )


def _hold_format(chosen: str) -> None:
    st.session_state[state.EXPORT_FORMAT] = st.session_state[chosen]

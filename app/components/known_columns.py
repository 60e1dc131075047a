"""What the further columns of the data say of one galaxy."""

from __future__ import annotations

import streamlit as st

from ..session.workspace import Workspace
from .facts import facts

FEW = 8  # so many columns are shown without being opened


def known_columns(workspace: Workspace, row: int, key: str) -> None:
    """List the columns of the data that know something of this galaxy."""
    from astrojepa.data.columns import known_of

    known = known_of(workspace.data, row)
    if known:
        with st.expander(f"Columns of the data ({len(known)})", expanded=len(known) <= FEW):
            shown = {name.replace("_", " "): text for name, text in known.items()}
            helps = {
                name.replace("_", " "): workspace.data.about[name][1]
                for name in known
                if name in workspace.data.about
            }
            facts(f"columns-{key}", shown, helps)

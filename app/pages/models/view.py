"""Models and data: the checkpoints with what their cards say, the health of the open one, the
data, and pictures brought along.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from astrojepa.checkpoints.card import ABSENT, HOW_TO_GET
from astrojepa.places import EXPLORE, TRAIN

from ...components.escape_markdown import escape_markdown
from ...session import loaders, state
from ...session.workspace import Workspace
from ..registry import Page
from . import card as models_card
from . import data as models_data
from . import uploads as models_uploads

COMMANDS = f"""\
python -m astrojepa data download    # Galaxy10 DECaLS, 2.5 GB, zenodo.org/records/10845026
{TRAIN} --lambda 0.6                      # on it if it is there, else on simulated galaxies
{TRAIN} --lambda 0.6 --data PATH          # your own galaxies: an HDF5 file, or a folder of images
{EXPLORE} --data PATH --checkpoint runs/NAME
"""


def show(workspace: Workspace) -> None:
    """Draw the table of checkpoints, the open model, the data, pictures brought along and the
    commands.
    """
    if st.session_state.pop(state.TO_GALAXY, False):
        workspace.go("galaxy")
    st.title("Models & data", anchor=False)
    st.subheader("Model comparison", anchor=False)
    cards = loaders.cards()
    table = zoo_table(cards)
    st.dataframe(
        table,
        hide_index=True,
        width="stretch",
        height="content",
        column_config=_widths(list(table)),
    )
    st.caption(
        "Accuracy of a linear probe on frozen features, in percent of test galaxies, with 95 % "
        "intervals. B1: Galaxy Zoo 1 morphology; "
        "B2: EFIGI Hubble type. Rare class: average precision with which asymmetry (of pixels "
        "beside hand-made statistics; kNN for pixel "
        "PCA) finds a class of the first benchmark thinned to 2 %. Published: what others claim, "
        "on Galaxy10 DECaLS; the two compare only "
        "on the same data. *Not trained*: a recipe without weights here."
    )
    if any(card.get(ABSENT) for card in cards):
        st.caption(
            f"*Not here*: weights that are released, and not in this folder; "
            f"{escape_markdown(HOW_TO_GET)}."
        )
    for card in cards:
        if "error" in card:
            st.warning(escape_markdown(f"{card['id']}: {card['error']}"))
    if not workspace.hosted:
        _load_path()
    left, right = st.columns([1, 1], gap="large")
    with left:
        models_card.show(workspace)
    with right:
        models_data.show(workspace)
    models_uploads.show(workspace)
    st.subheader("Train your own", anchor=False)
    st.code(COMMANDS, language="bash")


def zoo_table(cards: list[dict[str, Any]]) -> pd.DataFrame:
    """Lay out what was measured of every model, of the controls, and the recipes that have no
    weights.
    """
    from astrojepa.evaluation.reports.zoo import zoo_table

    return pd.DataFrame(zoo_table(cards))


def _widths(names: list[str]) -> dict[str, Any]:
    widths = dict.fromkeys(names, 147) | {
        "model": 240,
        "recipe": 144,
        "parameters": 104,
        "weights": 88,
    }
    return {name: st.column_config.TextColumn(name, width=width) for name, width in widths.items()}


def _load_path() -> None:
    with st.popover("Load a checkpoint"):
        st.text_input(
            "Path",
            key="path_to_load",
            placeholder="a run folder, .safetensors, .pt or .pth",
            on_change=_remember_path,
        )
        st.caption("Files are read without running any code in them.")


def _remember_path() -> None:
    path = st.session_state.get("path_to_load", "").strip()
    if path:
        known = st.session_state.get(state.LOADED_PATHS, [])
        st.session_state[state.LOADED_PATHS] = [*dict.fromkeys([*known, path])][-8:]
        st.session_state[state.CHECKPOINT] = path


PAGE = Page("Models & data", 6, show)

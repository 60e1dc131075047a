"""Models & data: the open model, the data, uploaded images and all models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from astrojepa.checkpoints.card import ABSENT, HOW_TO_GET
from astrojepa.places import EXPLORE, TRAIN

from ...components.escape_markdown import escape_markdown
from ...components.facts import facts
from ...components.table.table import Heading, table
from ...session import loaders, state
from ...session.large import Large
from ...session.workspace import Workspace
from ..registry import Page
from . import card as models_card
from . import data as models_data
from . import uploads as models_uploads

WORDS = ("model", "recipe", "weights")  # columns of the table that hold no numbers
COMMANDS = f"""\
python -m astrojepa data download    # Galaxy10 DECaLS, 2.7 GB, zenodo.org/records/10845026
{TRAIN} --lambda 0.6                      # on it if it is there, else on simulated galaxies
{TRAIN} --lambda 0.6 --data PATH          # your own galaxies: an HDF5 file, or a folder of images
{EXPLORE} --data PATH --checkpoint runs/NAME
"""


def show(workspace: Workspace) -> None:
    """Draw the open model, the data, uploads, the table of models and commands."""
    _leave(workspace.go)
    st.title("Models & data", anchor=False)
    if not workspace.hosted:
        _load_path()
    with st.container(horizontal=True, gap="large", key="models_columns"):
        left, right = st.container(), st.container()
    with left:
        models_card.show(workspace)
    with right:
        models_data.show(workspace)
    models_uploads.show(workspace)
    _comparison()
    _commands()


def show_large(large: Large, go: Callable[[str], None]) -> None:
    """Draw the table of models, and what the store says of itself."""
    _leave(go)
    st.title("Models & data", anchor=False)
    store, name = large.map.store, escape_markdown(large.name)
    st.header("Data", anchor=False)
    st.caption(
        f"{name} holds vectors, and no model. To open a model, start the explorer without "
        "`--vectors`."
    )
    known = {"Galaxies": f"{len(store):,}", "Numbers in a vector": f"{store.width:,}"}
    facts("store", {**known, "Columns": ", ".join(store.names), **store.facts})
    models_uploads.show_large(large, go)
    _comparison()
    _commands()


def _leave(go: Callable[[str], None]) -> None:
    """Open the page that a click asked for."""
    for key, page in ((state.TO_GALAXY, "galaxy"), (state.TO_MAP, "map")):
        if st.session_state.pop(key, False):
            go(page)


def _commands() -> None:
    st.header("Train your own", anchor=False)
    st.code(COMMANDS, language="bash", wrap_lines=True)


def _comparison() -> None:
    """Draw the table of models."""
    st.header("Model comparison", anchor=False)
    cards = loaders.cards()
    shown = zoo_table(cards)
    headings = {name: Heading(numeric=name not in WORDS) for name in shown}
    table("zoo", "Model comparison", shown, headings)
    st.caption(
        "Accuracy of a linear probe on frozen features, in percent of test galaxies, with 95 % "
        "intervals: morphology for Galaxy Zoo 1, Hubble type for EFIGI. Rare class: average "
        "precision for mergers of Galaxy Zoo 1 thinned to 2 %, by asymmetry and local outlier "
        "factor (†: by asymmetry alone; hand-made statistics: asymmetry of the pixels; "
        "pixel PCA: kNN distance). Published elsewhere: on Galaxy10 DECaLS, so not comparable with "
        "the other columns. *Not trained*: a recipe without weights."
    )
    if any(card.get(ABSENT) for card in cards):
        st.caption(
            "*Not here*: released weights that are not in this folder; "
            f"{escape_markdown(HOW_TO_GET)}."
        )
    for card in cards:
        if "error" in card:
            st.warning(escape_markdown(f"{card['id']}: {card['error']}"))


def zoo_table(cards: list[dict[str, Any]]) -> pd.DataFrame:
    """Lay out the measurements of all models and controls, and the untrained recipes."""
    from astrojepa.evaluation.reports.zoo import zoo_table

    table = pd.DataFrame(zoo_table(cards))
    table["model"] = table["model"].map(_short)
    return table


def _short(name: str) -> str:
    """Name one of the models that share a row, and count the others."""
    kind, first, *others = [*name.split(", "), ""]
    return f"{kind}, {first} and {len(others) - 1} more" if len(others) > 2 else name


def _load_path() -> None:
    with st.popover("Load a checkpoint"):
        st.text_input(
            "Path",
            key="path_to_load",
            placeholder="runs/NAME or FILE.safetensors",
            on_change=_remember_path,
        )
        st.caption("A run folder, or a .safetensors, .pt or .pth file. No code in it is run.")


def _remember_path() -> None:
    path = st.session_state.get("path_to_load", "").strip()
    if path:
        known = st.session_state.get(state.LOADED_PATHS, [])
        st.session_state[state.LOADED_PATHS] = [*dict.fromkeys([*known, path])][-8:]
        st.session_state[state.CHECKPOINT] = path


PAGE = Page("Models & data", 6, show, show_large=show_large)

"""Models and data: the checkpoints with what their cards say, the health of the open one, the data, and pictures brought along."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from app import loaders, state
from app.scene import Scene
from app.views import models_card, models_data, models_uploads

COMMANDS = """\
python -m astrojepa data download                 # Galaxy10 DECaLS (2.5 GB, zenodo.org/records/10845026) into data/
python train.py --lambda 0.6                      # on it if it is there, else on simulated galaxies
python train.py --lambda 0.6 --data PATH          # your own galaxies: an HDF5 file, or a folder of images
streamlit run app/main.py -- --data PATH --checkpoint runs/NAME
"""
MEASURED = "Measured, linear probe"
NOT_TRAINED, NOT_MEASURED = "not trained", "not measured"


def show(scene: Scene) -> None:
    """Draw the table of checkpoints, the open model, the data, pictures brought along and the commands."""
    if st.session_state.pop(state.TO_GALAXY, False):
        scene.go("galaxy")
    st.title("Models & data", anchor=False)
    st.subheader("The zoo", anchor=False)
    cards = loaders.cards()
    st.dataframe(zoo_table(cards), hide_index=True, width="stretch", height="content", column_config=_widths())
    st.caption(
        "Published: what others claim, on Galaxy10 DECaLS. Measured: by `python -m astrojepa probe`, test galaxies only, on the data "
        f"named beside it; the two compare only on the same data. *{NOT_TRAINED.capitalize()}*: a recipe without weights in "
        "checkpoints/."
    )
    for card in cards:
        if "error" in card:
            st.warning(f"{card['id']}: {card['error']}")
    if not scene.hosted:
        _load_path()
    left, right = st.columns([1, 1], gap="large")
    with left:
        models_card.show(scene)
    with right:
        models_data.show(scene)
    models_uploads.show(scene)
    st.subheader("Train your own", anchor=False)
    st.code(COMMANDS, language="bash")


def _widths() -> dict[str, Any]:
    numbers = dict.fromkeys((MEASURED, "20-NN", "Summary statistics", "Random weights"), 168)
    widths = {"Model": 136, "Published, %": 88, **numbers, "On": 216}
    return {name: st.column_config.TextColumn(name, width=width) for name, width in widths.items()}


def card_table(cards: list[dict[str, Any]]) -> pd.DataFrame:
    """Lay out the cards, a row per benchmark: published beside measured, unknown values empty."""
    rows = []
    for card in cards:
        if "error" in card:
            continue
        data, published = _mapping(card.get("data")), _mapping(card.get("published"))
        for measured in map(_mapping, card.get("measured") or [{}]):
            probes = _mapping(measured.get("rows"))
            rows.append(
                {
                    "Model": str(card["id"]),
                    "Published, %": str(published.get("probe_percent", "")),
                    MEASURED: _accuracy(probes.get("linear probe")),
                    "20-NN": _accuracy(probes.get("20-NN")),
                    "Summary statistics": _accuracy(probes.get("summary statistics, linear")),
                    "Random weights": _accuracy(probes.get("random weights 0, linear")),
                    "On": " ".join([str(measured.get("data", "")), *map(str, measured.get("where") or [])]),
                    "Trained on": str(card.get("description") or data.get("name", "")),
                }
            )
    return pd.DataFrame(rows)


def zoo_table(cards: list[dict[str, Any]]) -> pd.DataFrame:
    """Lay out the released weights, then the recipes that have none: those say that they were not trained."""
    from astrojepa.presets import PRESETS, PUBLISHED

    table = card_table(cards)
    if len(table):
        table[MEASURED] = table[MEASURED].where(table[MEASURED] != "", NOT_MEASURED)
    released = {str(card.get("id")) for card in cards}
    missing = [
        {"Model": name, "Published, %": str(PUBLISHED.get(name, {}).get("probe_percent", "")), MEASURED: NOT_TRAINED}
        for name in PRESETS
        if name not in released
    ]
    return pd.concat([table, pd.DataFrame(missing)], ignore_index=True).fillna("")


def _mapping(value: Any) -> dict[str, Any]:
    """Cards are files: whatever is not a mapping counts as empty."""
    return value if isinstance(value, dict) else {}


def _accuracy(row: Any) -> str:
    row = _mapping(row)
    interval = row.get("interval")
    if not isinstance(row.get("accuracy"), int | float) or not isinstance(interval, list) or len(interval) != 2:
        return ""
    return f"{row['accuracy']:.1%} ({interval[0]:.1%} to {interval[1]:.1%})"


def _load_path() -> None:
    with st.popover("Load a checkpoint"):
        st.text_input("Path", key="path_to_load", placeholder="a run folder, .safetensors, .pt or .pth", on_change=_remember_path)
        st.caption("Files are read without running any code in them.")


def _remember_path() -> None:
    path = st.session_state.get("path_to_load", "").strip()
    if path:
        known = st.session_state.get(state.LOADED_PATHS, [])
        st.session_state[state.LOADED_PATHS] = [*dict.fromkeys([*known, path])][-8:]
        st.session_state[state.CHECKPOINT] = path

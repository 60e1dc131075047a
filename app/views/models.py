"""Models and data: the checkpoints with what their cards say, the health of the open one, the data, and how to train one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

import astrojepa as aj
from app import loaders, state
from app.components.facts import facts
from app.scene import Scene
from astrojepa import plotting, runs

COMMANDS = """\
# Galaxy10 DECaLS: put Galaxy10_DECals.h5 from https://zenodo.org/records/10845026 (2.5 GB) into data/
python train.py --lambda 0.6                      # on it if it is there, else on simulated galaxies
python train.py --lambda 0.6 --data PATH          # your own galaxies: an HDF5 file, or a folder of images
streamlit run app/main.py -- --data PATH --checkpoint runs/NAME
"""
CURVES = {"total": "total", "prediction": "prediction", "sigreg_over_floor": "SIGReg / floor", "effective_rank": "effective rank"}


def show(scene: Scene) -> None:
    """Draw the table of checkpoints, the open model, the data and the commands."""
    st.title("Models & data", anchor=False)
    st.subheader("Released checkpoints", anchor=False)
    cards = loaders.cards()
    if cards:
        st.dataframe(card_table(cards), hide_index=True, width="stretch")
        st.caption(
            "Published: what others claim, on Galaxy10 DECaLS. Measured: by `python -m astrojepa probe`, test galaxies only."
        )
        for card in cards:
            if "error" in card:
                st.warning(f"{card['id']}: {card['error']}")
    else:
        st.info("No weights are in checkpoints/ yet. Train a model with the commands below; it then appears in the menu.")
    if not scene.hosted:
        _load_path()
    left, right = st.columns([1, 1], gap="medium")
    with left:
        _model(scene)
    with right:
        _data(scene)
    st.subheader("Train your own", anchor=False)
    st.code(COMMANDS, language="bash")


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
                    "Measured, linear probe": _accuracy(probes.get("linear probe")),
                    "20-NN": _accuracy(probes.get("20-NN")),
                    "Random weights": _accuracy(probes.get("random weights 0, linear")),
                    "On": " ".join([str(measured.get("data", "")), *map(str, measured.get("where") or [])]),
                    "Trained on": str(card.get("description") or data.get("name", "")),
                }
            )
    return pd.DataFrame(rows)


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


def _model(scene: Scene) -> None:
    st.subheader(scene.choice.label, anchor=False)
    if scene.model is None:
        st.write("Principal components of the pixels: what can be had without learning anything. No patch errors.")
        return
    config = scene.model.config
    described = {
        "Input": f"{config.image.image_size} px, patches of {config.image.patch_size} px, grid {scene.model.grid} × {scene.model.grid}",
        "Encoder": f"width {config.model.width}, depth {config.model.depth}",
        "Predictor": "yes" if scene.model.has_predictor else "none: encoder only",
        "λ": f"{config.objective.sigreg_weight:g}",
        "Hash": scene.model.hash,
    }
    facts("model", described)
    gauges = aj.collapse_gauges(scene.embeddings.vectors)
    st.caption(f"On the {len(scene.data):,} open galaxies")
    st.write(gauges.verdict)
    facts(
        "gauges",
        {
            "Effective rank": f"{gauges.effective_rank:.1f} of {scene.model.width}",
            "Feature deviation": f"{gauges.feature_std:.3f}",
            "Mean cosine": f"{gauges.mean_cosine:.3f}",
        },
    )
    folder = Path(scene.choice.reference)
    _curves(runs.read_metrics(folder) if folder.is_dir() else scene.model.card.get("curve") or [])


def _curves(rows: list[dict[str, Any]]) -> None:
    """Draw the training curves of a run, or those on a released card."""
    for name, title in CURVES.items():
        points = [(row["step"], row[name]) for row in rows if isinstance(row.get(name), int | float)]
        if len(points) > 1:
            x, y = np.array(points).T
            figure = plotting.curves_figure({title: (x, y)}, ("step", title)).update_layout(height=200)
            st.plotly_chart(figure, width="stretch", config={"displayModeBar": False}, key=f"curve_{name}")


def _data(scene: Scene) -> None:
    data = scene.data
    st.subheader(data.name, anchor=False)
    labelled = int((data.labels >= 0).sum())
    facts(
        "data",
        {
            "Galaxies": f"{len(data):,}{', simulated' if data.simulated else ''}",
            "Labelled": f"{labelled:,} in {len(data.classes)} classes" if labelled else "none",
            "With position": f"{int(np.isfinite(data.ra).sum()):,}",
            "With redshift": f"{int(np.isfinite(data.redshift).sum()):,}",
            "Split": "its own column" if data.split_column is not None else "grouped within 60″, seed 42",
            "Left out, damaged": f"{len(getattr(data, 'skipped', ()) or ()):,}",
            "Hash": data.fingerprint,
        },
    )
    if labelled:
        counts = np.bincount(data.labels[data.labels >= 0], minlength=len(data.classes))
        st.dataframe(pd.DataFrame({"Class": data.classes, "Galaxies": counts}), hide_index=True, width="stretch")

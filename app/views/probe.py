"""The probe lab: what the frozen features know about the classes, measured when asked, with the baselines beside it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from app import links, probing, state, work
from app.components.confusion import confusion
from app.components.gallery import gallery
from app.probing import Report
from app.scene import Scene

KINDS = {"linear": "Linear probe", "knn": "20 nearest neighbours"}
FRACTIONS = (1, 2, 5, 10, 20, 50, 100)
SHOWN = 48


def show(scene: Scene) -> None:
    """Draw the controls, and the report of the last probe."""
    if st.session_state.pop(state.TO_MAP, False):
        scene.go("map")
    st.title("Probe lab", anchor=False)
    data = scene.data
    if not scene.labelled:
        st.info(
            f"{data.name} has no classes, so there is nothing to probe. Give a folder whose labels.csv has a class column, "
            "with --label-column NAME, or Galaxy10 DECaLS."
        )
        return
    st.caption(
        f"{'Simulated galaxies. ' if data.simulated else ''}A probe reads the classes from the frozen features of {scene.choice.label}; "
        "the features themselves have seen no label."
    )
    asked = _controls(scene)
    if asked:
        st.session_state[state.PROBED] = asked
        st.session_state[state.CELL] = None
    key = st.session_state.get(state.PROBED)
    if not key or key[:2] != scene.key:
        return
    kind, percent, with_random = key[2:]
    task = probing.probe_report(scene.model, data, scene.embeddings, kind, percent / 100, with_random)
    _report(scene, work.result(("probe", *key), "Training the probe and its baselines", task), kind)


def _controls(scene: Scene) -> tuple[Any, ...] | None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        kind = st.segmented_control("Probe", list(KINDS), format_func=KINDS.get, default="linear", required=True)
        percent = st.select_slider("Labels known, %", FRACTIONS, value=100, width=240)
        with_random = st.toggle("Random weights too", value=False, disabled=scene.model is None)
        if st.button("Train", type="primary"):
            return (*scene.key, kind, percent, with_random)
    return None


def _report(scene: Scene, report: Report, kind: str) -> None:
    first = report.rows[0].result
    st.subheader(f"{percent(first.accuracy)} of {len(first.truth):,} test galaxies named rightly", anchor=False)
    low, high = first.interval
    st.caption(
        f"95 % interval {percent(low)} to {percent(high)}. {KINDS[kind]}, {first.setting}, {report.num_known:,} labels known. "
        f"Split: {report.split}{', seed 42' if report.split == 'grouped' else ' of labels.csv'}; the test part was never fitted."
    )
    st.dataframe(table(report), hide_index=True, width="stretch", column_config=_columns())
    for row in report.rows[1:]:
        st.caption(verdict(row))
    left, right = st.columns([2, 3], gap="medium")
    with left:
        _recall(first)
    with right:
        st.markdown("**Confusion**: click a cell to see its galaxies")
        cell = st.session_state.get(state.CELL)
        confusion("confusion", first.confusion, first.classes, cell, _choose)
    if cell is not None:
        _cell(scene, report, cell)


def percent(share: float, decimals: int = 1) -> str:
    """Write a fraction as a percentage."""
    return f"{100 * share:.{decimals}f} %"


def table(report: Report) -> pd.DataFrame:
    """Lay out the results, percentages with their intervals."""
    return pd.DataFrame(
        {
            "features": [row.name for row in report.rows],
            "accuracy": [100 * row.result.accuracy for row in report.rows],
            "interval": [f"{100 * row.result.interval[0]:.1f} – {100 * row.result.interval[1]:.1f}" for row in report.rows],
            "balanced": [100 * row.result.balanced_accuracy for row in report.rows],
            "macro F1": [100 * row.result.macro_f1 for row in report.rows],
        }
    )


def verdict(row: probing.Row) -> str:
    """Say in one sentence whether the probe beats a baseline: only if the interval of the difference excludes 0."""
    difference, low, high = (100 * value for value in row.difference or (0.0, 0.0, 0.0))
    word = "beats" if low > 0 else "loses to" if high < 0 else "is not clearly different from"
    return f"This model {word} {row.name[:1].lower() + row.name[1:]}: {difference:+.1f} points, 95 % interval {low:+.1f} to {high:+.1f}."


def _columns() -> dict[str, Any]:
    number = st.column_config.NumberColumn
    return {
        "features": st.column_config.TextColumn("Features"),
        "accuracy": number("Accuracy, %", format="%.1f"),
        "interval": st.column_config.TextColumn("95 % interval", alignment="right"),
        "balanced": number("Balanced, %", format="%.1f"),
        "macro F1": number("Macro F1, %", format="%.1f"),
    }


def _recall(result: Any) -> None:
    from astrojepa import plotting

    totals = result.confusion.sum(axis=1)
    present = np.flatnonzero(totals)
    recall = np.diag(result.confusion)[present] / totals[present]
    names = [f"{result.classes[k]} ({totals[k]})" for k in present]
    st.markdown("**Recall by class**, number of test galaxies in brackets")
    figure = plotting.bars_figure(names, recall.tolist(), "share named rightly").update_layout(height=72 + 32 * len(present))
    st.plotly_chart(figure, width="stretch", config={"displayModeBar": False}, key="recall")


def _cell(scene: Scene, report: Report, cell: tuple[int, int]) -> None:
    result = report.rows[0].result
    true, named = cell
    inside = np.flatnonzero((result.truth == true) & (result.predictions == named))
    inside = inside[np.argsort(-result.probabilities[inside, named], kind="stable")]
    rows = report.test[inside]
    shown = f", the {SHOWN} surest" if len(rows) > SHOWN else ", surest first"
    st.subheader(
        f"{len(rows):,} {'galaxy' if len(rows) == 1 else 'galaxies'} labelled {result.classes[true]}, named {result.classes[named]}{shown}",
        anchor=False,
    )
    captions = [
        (str(scene.data.ids[row]), f"{percent(result.probabilities[i, named], 0)} sure")
        for i, row in zip(inside, rows, strict=True)
    ]
    gallery("confused", scene.pictures, rows[:SHOWN].tolist(), captions[:SHOWN], _open)


def _choose(cell: tuple[int, int] | None) -> None:
    st.session_state[state.CELL] = cell


def _open(row: Any) -> None:
    links.select(row)
    st.session_state[state.TO_MAP] = True

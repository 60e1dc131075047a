"""Numbers of the compare page: shared neighbours, probes on request, curves of sweeps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from astrojepa.wording import counted

from ...components import figures
from ...components.escape_markdown import escape_markdown
from ...components.table.table import Heading, table
from ...session import loaders, waiting
from ...session.workspace import Workspace
from ..probe.tasks import split_words
from . import tasks
from .tasks import CURVES, KINDS, Accuracy, Curve

NUM_MOVED = 24
MOVED = (
    "Galaxies whose neighbours change most. *3 × as far*: the nearest neighbours by one model are, "
    "by the other, three times as far away as the nearest there. Click a galaxy to show it above."
)
HAND_MADE = "hand-made statistics"
ASKED = "compare_asked"  # session key: the pair whose probes were asked for
COLUMNS = {
    "probe": Heading("Probe"),
    "model": Heading("Model"),
    "accuracy": Heading("Accuracy, %", ".1f"),
    "interval": Heading("95 % interval", numeric=True),
    "balanced": Heading("Balanced accuracy, %", ".1f"),
}


def median_overlap(found: Any, share: str = "") -> str:
    """Say how many of the nearest neighbours two models share, and what chance gives; `share`: on
    average, where it is known with an error.
    """
    chance = 100 * found.chance
    return (
        f"The models share {found.k * float(np.median(found.overlap)):.0f} of {found.k} nearest "
        f"neighbours at the median ({share or f'{100 * found.mean_overlap:.1f}'} % on average; "
        f"unrelated models: {chance:{'.1f' if chance >= 0.1 else '.1g'}} %)."
    )


def alike(found: Any) -> str:
    """Say the CKA of two models, and the unbiased one, which needs more than three galaxies."""
    unbiased = f", unbiased {found.cka_unbiased:.2f}" if np.isfinite(found.cka_unbiased) else ""
    return f"Linear CKA {found.cka:.2f}{unbiased}: 1 = identical up to rotation, 0 = unrelated."


def summary(first: Workspace, second: Workspace, found: Any, share: str = "") -> None:
    """Show how alike two models are, and how their vectors spread."""
    gauges = [loaders.gauges(workspace.embeddings, *workspace.key) for workspace in (first, second)]
    widths = [workspace.embeddings.vectors.shape[1] for workspace in (first, second)]
    left, right = st.columns([1, 1], gap="medium")
    with left:
        st.markdown(median_overlap(found, share))
        st.markdown(alike(found))
        shown = pd.DataFrame(
            {
                "Model": [first.choice.label, second.choice.label],
                "Effective rank": [
                    f"{g.effective_rank:.1f} of {width}"
                    for g, width in zip(gauges, widths, strict=True)
                ],
                "Mean cosine": [f"{g.mean_cosine:.2f}" for g in gauges],
            }
        )
        numbers = dict.fromkeys(("Effective rank", "Mean cosine"), Heading(numeric=True))
        table("compare_spread", "Spread of both models", shown, numbers)
    with right:
        overlap_figure(found)


def moved_by(found: Any, place: int) -> tuple[str, str]:
    """Say how much the neighbours of a galaxy change."""
    kept = f"{found.k * found.overlap[place]:.0f} of {found.k} shared"
    return f"{found.stretch[place]:.1f} × as far", kept


def overlap_counts(overlap: np.ndarray, k: int) -> np.ndarray:
    """Return the share of galaxies that keep 0, 1, ... k of their neighbours: float64 (k + 1,)."""
    return np.bincount(np.rint(overlap * k).astype(int), minlength=k + 1) / len(overlap)


def overlap_figure(found: Any) -> None:
    """Draw how many neighbours the galaxies keep."""
    from astrojepa import plotting

    shares = overlap_counts(found.overlap, found.k)
    names = [f"{kept} shared" for kept in range(found.k + 1)]
    figure = plotting.bars_figure(names, shares.tolist(), "share of galaxies")
    figure.update_xaxes(range=[0, float(shares.max()) * 1.05])
    figures.chart(figure, "overlap")


def probes(first: Workspace, second: Workspace) -> None:
    """Show the accuracies of both models; they are measured when asked."""
    st.header("Probes", anchor=False)
    if not first.labelled:
        st.caption(f"{first.data.name} has no classes, which probes need.")
        return
    pair = (first.key[0], *second.key)
    if st.session_state.get(ASKED) != pair:
        st.caption(
            "A linear probe and 20-NN for both models and for hand-made statistics (colours, "
            "sizes, profile, asymmetry), on the same training and test galaxies."
        )
        if st.button("Train probes"):
            st.session_state[ASKED] = pair
            st.rerun()
        return
    task = tasks.accuracies(first.data, first.embeddings, second.embeddings)
    found = waiting.show_when_ready(("probes", *pair), "Training the probes of both models", task)
    if found is None:
        return
    shown = accuracy_table(found, first.choice.label, second.choice.label)
    table("compare_probes", "Accuracy of the probes", shown, COLUMNS)
    for accuracy in found:
        st.caption(tasks.verdict(accuracy, first.choice.label, second.choice.label))
    count, split = len(found[0].first.truth), split_words(found[0].split)
    st.caption(f"{counted(count, 'test galaxy', 'test galaxies')}; split {split}.")


def accuracy_table(found: list[Accuracy], first: str, second: str) -> pd.DataFrame:
    """Lay out accuracies with their intervals: of both models and, where measured, by hand."""
    rows = []
    for accuracy in found:
        compared = [(first, accuracy.first), (second, accuracy.second)]
        if accuracy.hand_made is not None:
            compared.append((HAND_MADE, accuracy.hand_made))
        for name, result in compared:
            low, high = result.interval
            interval = f"{100 * low:.1f} – {100 * high:.1f}"
            rows.append(
                (
                    KINDS[accuracy.kind],
                    name,
                    100 * result.accuracy,
                    interval,
                    100 * result.balanced_accuracy,
                )
            )
    return pd.DataFrame(rows, columns=["probe", "model", "accuracy", "interval", "balanced"])


def sweeps() -> None:
    """Draw the curves of the sweeps in the runs folder; nothing where there is none."""
    folders = {folder.name: folder for folder in tasks.sweep_folders()}
    if not folders:
        return
    st.header("Sweeps", anchor=False)
    name = (
        st.selectbox("Sweep", list(folders), key="sweep", width=320, label_visibility="collapsed")
        if len(folders) > 1
        else next(iter(folders))
    )
    try:
        _sweep(folders[name])
    except (ValueError, OSError) as error:
        st.warning(escape_markdown(error))


def _sweep(folder: Path) -> None:
    from astrojepa import plotting

    settings, table = tasks.read_sweep(folder)
    drawn = {metric: tasks.sweep_curves(settings, table, metric) for metric in CURVES}
    shown = [(metric, axis, curves) for metric, (axis, curves) in drawn.items() if curves]
    if not shown:
        st.caption(f"No run of {folder.name} is finished yet.")
        return
    for k, column in enumerate(st.columns(2, gap="medium")):
        for metric, axis, curves in shown[k::2]:
            label = "λ" if axis == tasks.LAMBDA else axis.replace("_", " ")
            lines = {name or folder.name: (curve.x, curve.y) for name, curve in curves.items()}
            figure = plotting.curves_figure(lines, (label, CURVES[metric]))
            for trace, curve in zip(figure.data, curves.values(), strict=True):
                trace.update(mode="lines+markers", error_y=error_bars(curve))
            with column:
                figures.chart(figure, f"sweep_{metric}")
    st.caption(
        f"Sweep {folder.name}: means over finished seeds with 95 % t-intervals, on the validation "
        "galaxies."
    )


def error_bars(curve: Curve) -> dict[str, Any]:
    """Describe a curve's intervals to Plotly; points of one seed get none."""
    ends = list(zip(curve.y, curve.low, curve.high, strict=True))
    return {
        "type": "data",
        "symmetric": False,
        "array": [0.0 if high is None else high - y for y, _, high in ends],
        "arrayminus": [0.0 if low is None else y - low for y, low, _ in ends],
        "thickness": 1,
    }

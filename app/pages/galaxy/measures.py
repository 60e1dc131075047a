"""Measurements of one galaxy: neighbours, predictions, anomaly scores, symmetry."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from ...components.escape_markdown import escape_markdown
from ...components.facts import facts
from ...components.latent_map import colouring
from ...components.table.table import Heading, table
from ...server import pictures
from ...session import loaders, waiting
from ...session.columns import probe_report
from ...session.workspace import Workspace
from ..anomalies.scores import score_job, title

VOTERS = 20
FEW = 2000  # up to so many galaxies every score is measured unasked
SCORES = ("asymmetry-lof", "asymmetry", "knn", "lof", "mahalanobis", "isolation")


def tally(labels: np.ndarray, classes: tuple[str, ...]) -> list[tuple[str, int]]:
    """Count votes, most first, and last the galaxies without a label."""
    counts = np.bincount(labels[labels >= 0], minlength=len(classes))
    order = np.argsort(-counts, kind="stable")
    every = [*((classes[k], int(counts[k])) for k in order), ("no label", int((labels < 0).sum()))]
    return [(name, count) for name, count in every if count]


def probe_vote(report: Any, row: int) -> str:
    """Say what a probe calls a galaxy, or why it was not asked."""
    at = np.flatnonzero(report.test == row)
    if not len(at):
        return "none: the probe predicts the test part only, and this galaxy is not in it"
    result = report.rows[0].result
    chosen = int(result.predictions[at[0]])
    return f"{result.classes[chosen]}, {100 * float(result.probabilities[at[0], chosen]):.0f} %"


def votes(workspace: Workspace, row: int) -> None:
    """Show the label beside what the probe and the neighbours say."""
    st.header("Label and predictions", anchor=False)
    if not workspace.labelled:
        st.caption(f"{escape_markdown(workspace.data.name)} has no classes.")
        return
    found = loaders.neighbours(workspace.embeddings, *workspace.key, row, VOTERS)
    counted = tally(workspace.data.labels[found.indices], workspace.data.classes)
    said = "\n".join(f"{name}, {count}" for name, count in counted)
    label = {"Label": workspace.class_name(row), "Probe": _probe(workspace, row)}
    voters = len(found.indices)
    voting = "Nearest neighbour" if voters == 1 else f"{voters} nearest neighbours"
    facts("votes", {**label, voting: said})


def _probe(workspace: Workspace, row: int) -> str:
    report = probe_report(workspace)
    return probe_vote(report, row) if report else "none yet; train one in the probe lab"


def values_of(
    workspace: Workspace, row: int, names: Sequence[str], asked: bool
) -> Iterator[tuple[str, tuple[float, int]]]:
    """Give a galaxy's value and rank by each score that is there; the others are computed where
    they are `asked` for.
    """
    for name in names:
        known = workspace.scores if name == "knn" else None
        job, task = score_job(workspace, name)
        if known is None and (asked or loaders.jobs().has(job)):
            known = waiting.show_when_ready(job, title(name), task)
        if known is not None:
            yield name, (float(known[row]), int(colouring.ranks(known)[row]))


@st.fragment
def scores(workspace: Workspace, row: int) -> None:
    """Show the galaxy's place in every anomaly score."""
    from astrojepa.evaluation.anomalies.registry import find

    st.header("Anomaly scores", anchor=False)
    asked = len(workspace.data) <= FEW or st.session_state.get("all_scores", False)
    possible = [one for one in SCORES if workspace.model or find(one).needs == "vectors"]
    rows = [(title(name), *found) for name, found in values_of(workspace, row, possible, asked)]
    n = len(workspace.data)
    shown = pd.DataFrame(
        {
            "Score": [r[0] for r in rows],
            "Value": [r[1] for r in rows],
            f"Rank of {n:,}": [r[2] for r in rows],
        },
    )
    table("galaxy_scores", "Anomaly scores of this galaxy", shown, {"Value": Heading(form=".3f")})
    st.caption("Rank 1 = most anomalous.")
    if len(rows) == 1 and not asked and st.button("Compute the other scores"):
        st.session_state["all_scores"] = True
        st.rerun(scope="fragment")


@st.fragment
def drift(workspace: Workspace, row: int, image: np.ndarray) -> None:
    """Show the 8 flips and turns, and how far the embedding moves under each."""
    from astrojepa.data.crops import resize_frame, turned
    from astrojepa.evaluation.vectors.symmetry import SYMMETRIES

    st.header("Rotated and mirrored", anchor=False)
    measured = waiting.show_when_ready(
        ("drift", *workspace.key, row),
        "Embedding rotated and mirrored images",
        loaders.drift(workspace.model, workspace.data, row),
    )
    square = resize_frame(image, 128)
    with st.container(horizontal=True, gap="small", key="turns"):
        for number, name in enumerate(("original", *SYMMETRIES)):
            moved = (
                "0"
                if number == 0
                else ""
                if measured is None
                else f"{measured.relative[0, number - 1]:.2f}"
            )
            shown = pictures.inline(turned(square[None], number)[0])
            st.image(shown, caption=f"{name}: {moved}", width=104, alt=name)
    st.caption(
        "How far the embedding moves, relative to the distance to the nearest neighbour: 0 = not "
        "at all, above 1 = farther than the nearest neighbour. Orientation is random on the sky, "
        "so a good model stays near 0."
    )

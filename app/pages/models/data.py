"""The open data: what is in them, and what has been computed of them or would have to be."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from ...components.escape_markdown import escape_markdown
from ...components.facts import facts
from ...components.table.table import table
from ...session import loaders, state, waiting
from ...session.workspace import Workspace
from ..probe import tasks

# CPU seconds of one thread for 2,000 and 8,000 galaxies of 192 features; the cost grows as a power
# of the number.
MAP_SECONDS = {"pca": (0.01, 0.03), "umap": (2.2, 9.1), "tsne": (24.0, 64.0)}


def show(workspace: Workspace) -> None:
    """Draw the facts of the open data."""
    data = workspace.data
    st.header(escape_markdown(data.name), anchor=False)
    labelled = int((data.labels >= 0).sum())
    classes = "1 class" if len(data.classes) == 1 else f"{len(data.classes)} classes"
    skipped = len(data.skipped)
    split = tasks.split_rows(data, data.fingerprint)
    parts = ", ".join(
        f"{name} {len(rows):,}"
        for name, rows in zip(("train", "validation", "test"), split.parts, strict=True)
    )
    facts(
        "data",
        {
            "Galaxies": f"{len(data):,}{', simulated' if data.simulated else ''}",
            "Labelled": f"{labelled:,} in {classes}" if labelled else "none",
            "With position": f"{int(np.isfinite(data.ra).sum()):,}",
            "With redshift": f"{int(np.isfinite(data.redshift).sum()):,}",
            "Split": f"{tasks.split_words(split.name)}: {parts}",
            "Damaged, left out": f"{skipped:,}" if skipped else "none",
            "Hash": data.fingerprint,
        },
    )
    for note in data.notes:
        st.caption(escape_markdown(note))
    if labelled:
        counts = np.bincount(data.labels[data.labels >= 0], minlength=len(data.classes))
        shown = pd.DataFrame({"Class": data.classes, "Galaxies": counts})
        table("classes", "Galaxies by class", shown)
    st.markdown("**Cached results**")
    table("caches", "Cached results", caches(workspace))
    st.caption(
        "Missing results are computed when a page needs them, and cached. Costs are estimates: "
        "embedding was timed just now, maps on one core."
    )


def caches(workspace: Workspace) -> pd.DataFrame:
    """Lay out what is cached for this model and these galaxies, and the cost of the rest."""
    count = len(workspace.data)
    seconds = (
        loaders.seconds_per_galaxy(workspace.model, workspace.model.hash)
        if workspace.model is not None
        else 0.0
    )
    rows = [("Embeddings", True, seconds * count)]
    for method, name in state.PROJECTIONS.items():
        rows.append(
            (
                f"{name} map",
                loaders.is_projected(workspace.embeddings, method),
                map_seconds(method, count),
            )
        )
    if workspace.model is not None:
        kept = loaders.control_is_embedded(workspace.model, workspace.data, *workspace.key)
        rows.append((f"{tasks.RANDOM} (control)", kept, seconds * count))
        if workspace.model.has_predictor:
            rows.append(("Patch errors", False, -_patch_seconds(workspace)))
    return cache_table(rows)


def _patch_seconds(workspace: Workspace) -> float:
    """Time the patch errors of one galaxy; kept, so that this costs something once only."""
    row = st.session_state.get(state.ROW) or 0
    image = workspace.picture(row) if row < len(workspace.data) else None
    if image is None:
        return 0.0
    _, seconds = waiting.in_turn(
        lambda: loaders.patch_errors(workspace.model, workspace.data, *workspace.key, row, "tiling")
    )
    return seconds


def cache_table(rows: list[tuple[str, bool, float]]) -> pd.DataFrame:
    """Lay out (what, cached?, seconds); negative seconds are a cost per galaxy."""
    costs = [
        "–" if kept else f"{-1000 * seconds:.0f} ms per galaxy" if seconds < 0 else cost(seconds)
        for _, kept, seconds in rows
    ]
    kept = [
        "cached" if there else "on demand" if seconds < 0 else "missing"
        for _, there, seconds in rows
    ]
    return pd.DataFrame({"Result": [row[0] for row in rows], "State": kept, "Cost": costs})


def map_seconds(method: str, count: int) -> float:
    """Estimate how long a map takes to compute, in seconds."""
    small, large = MAP_SECONDS[method]
    power = np.log(large / small) / np.log(4)
    return float(small * (max(count, 1) / 2000) ** power)


def cost(seconds: float) -> str:
    """Say about how long something takes."""
    if seconds < 1.5:
        return "about a second"
    if seconds < 90:
        return f"about {np.ceil(seconds):.0f} s"
    return f"about {np.ceil(seconds / 60):.0f} min"

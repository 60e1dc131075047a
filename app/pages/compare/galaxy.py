"""The selected galaxy for two models: neighbours and heatmaps on one scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st

from astrojepa.wording import counted

from ...components.escape_markdown import escape_markdown
from ...components.facts import unreadable, without_errors
from ...components.gallery.gallery import gallery
from ...components.patch_panel import masks
from ...components.patch_panel.masks import Masks
from ...components.patch_panel.patch_panel import Panel, patch_panel
from ...session import links, loaders, waiting
from ...session.workspace import Workspace
from ..galaxy import panel as galaxy_panel

NUM_NEIGHBOURS = 10
SHOWN = 6


def galaxy(first: Workspace, second: Workspace, row: int, found: Any) -> None:
    """Draw both halves; neighbours that both models name are marked."""
    shared = (
        ""
        if found is None
        else f", {found.k * found.overlap[row]:.0f} of "
        f"{counted(found.k, 'nearest neighbour')} shared"
    )
    st.header(
        f"{escape_markdown(f'{first.class_name(row)}, {first.data.ids[row]}')}{shared}",
        anchor=False,
    )
    near = [
        loaders.neighbours(workspace.embeddings, *workspace.key, row, NUM_NEIGHBOURS)
        for workspace in (first, second)
    ]
    both = np.intersect1d(near[0].indices, near[1].indices)
    image = first.picture(row)
    scale = _common_scale(first, second)
    for workspace, neighbours, column in zip(
        (first, second), near, st.columns(2, gap="medium"), strict=True
    ):
        with column:
            side = "first" if workspace is first else "second"
            heatmap(workspace, row, image, scale, side)
            st.caption(said(workspace.choice.label, len(near[0].indices)))
            rows, distances = neighbours.indices[:SHOWN], neighbours.distances[:SHOWN]
            names = [first.class_name(row) for row in rows.tolist()]
            captions = list(zip(names, gaps(rows, distances, both), strict=True))
            gallery(
                f"near_{side}", workspace.pictures, rows.tolist(), captions, links.select, tile=80
            )


def said(label: str, count: int) -> str:
    """Say what the neighbours below are, some of `count` that are compared."""
    among = "the nearest" if count == 1 else f"among the {count} nearest"
    return f"Nearest neighbours by {escape_markdown(label)}; ● = {among} for both models"


def gaps(rows: np.ndarray, distances: np.ndarray, both: np.ndarray) -> list[str]:
    """Write the distances of neighbours, and mark those that `both` models name."""
    return [
        f"{gap:.2f}{'  ●' if row in both else ''}"
        for row, gap in zip(rows.tolist(), distances.tolist(), strict=True)
    ]


def _common_scale(*workspaces: Workspace) -> tuple[float, float] | None:
    """Return one scale for both models' squared errors; None while it is measured."""
    return measured_scale(
        [
            (
                workspace,
                ("scale", *workspace.key, "tiling"),
                loaders.error_scale(workspace.model, workspace.data, "tiling"),
            )
            for workspace in workspaces
            if not without_errors(workspace)
        ]
    )


def measured_scale(asked: Sequence[tuple[Workspace, Any, Any]]) -> tuple[float, float] | None:
    """Return one scale for the squared errors of models, by the keys of their scales and the tasks
    that measure these; None while one is measured.
    """
    ends = []
    for workspace, key, task in asked:
        sentence = f"Computing the colour scale of the patch errors of {workspace.choice.label}"
        ends.append(waiting.show_when_ready(key, sentence, task))
    return common_scale([None if end is None else end["mse"] for end in ends])


def common_scale(ends: list[tuple[float, float] | None]) -> tuple[float, float] | None:
    """Return the smallest scale that holds all of these; None if one is unknown."""
    known = [end for end in ends if end is not None]
    if known and len(known) == len(ends):
        return (min(low for low, _ in known), max(high for _, high in known))
    return None


def heatmap(
    workspace: Workspace,
    row: int,
    image: np.ndarray | None,
    scale: tuple[float, float] | None,
    side: str,
) -> None:
    """Draw the patch errors of a galaxy by one of two models, or say why there are none."""
    if image is None:
        unreadable(workspace.data.ids[row])
        return
    if sentence := without_errors(workspace):
        st.caption(sentence)
        return
    chosen, grid = Masks("tiling"), workspace.model.grid
    errors, elapsed = waiting.in_turn(
        lambda: loaders.panel_errors(workspace.model, workspace.data, *workspace.key, row, chosen)
    )
    low, high = scale or (0.0, 1.0)
    panel = Panel(
        grid=grid,
        subject=f"{workspace.model.hash} {workspace.data.fingerprint} {row}",
        values=None if scale is None else masks.numbers(errors.mse),
        spread=[None] * grid**2,
        times=errors.times.ravel().tolist(),
        roles=masks.PLAIN * grid**2,
        mask="",
        low=low,
        high=high,
        stops=galaxy_panel.STOPS["mse"],
        opacity=0.6,
        layout="over",
        unit="error",
        name="Prediction error (squared), same scale for both models.",
        sentence=galaxy_panel.describe(errors, "mse", elapsed),
        label=f"Patch errors of {workspace.choice.label}, {grid} by {grid} patches",
    )
    patch_panel(f"heatmap_{side}", panel, galaxy_panel.seen(workspace, image))

"""Where on the sky the galaxies are that lasso and filter choose."""

from __future__ import annotations

import numpy as np
import streamlit as st

from ...components import figures
from ...components.figure_click.figure_click import figure_click
from ...session import links, state
from ...session.workspace import Workspace

KEY = "sky_figure"
MOST = 20_000  # galaxies that are drawn, chosen and others each


def sky_panel(workspace: Workspace, chosen: np.ndarray | None) -> None:
    """Draw the folded panel where galaxies have positions; `chosen` rows, None for all."""
    data = workspace.data
    placed = np.isfinite(data.ra) & np.isfinite(data.dec)
    if data.simulated or not placed.any():
        return
    panel = st.expander("Sky", key=state.SKY_OPEN, on_change="rerun")
    if not panel.open:
        return
    inside = np.ones(len(data), bool) if chosen is None else np.isin(np.arange(len(data)), chosen)
    rows = np.concatenate([spread(placed & part, MOST) for part in (inside, ~inside)])
    with panel:
        from astrojepa import plotting

        figure = plotting.sky_figure(
            data.ra[rows], data.dec[rows], inside[rows], rows, data.ids[rows]
        )
        figures.chart(figure, KEY, 420)
        figure_click(KEY, links.select)
        st.caption(sentence(placed, inside, len(rows)))


def spread(mask: np.ndarray, most: int) -> np.ndarray:
    """Return the rows of a mask, bool (n,): all, or `most` of them evenly spread."""
    rows = np.flatnonzero(mask)
    if len(rows) <= most:
        return rows
    return rows[np.linspace(0, len(rows) - 1, most).astype(int)]


def sentence(placed: np.ndarray, inside: np.ndarray, drawn: int) -> str:
    """Say what is drawn, how it is projected, and what has no position."""
    parts = [
        "Equatorial coordinates, Mollweide projection (equal areas), 180° in the middle, east to "
        "the left, lines every 30°. Click a point to select its galaxy."
    ]
    if missing := int((inside & ~placed).sum()):
        parts.append(f"{missing:,} of {int(inside.sum()):,} have no position.")
    if drawn < placed.sum():
        parts.append(f"{drawn:,} of {int(placed.sum()):,} positions are drawn, evenly chosen.")
    return " ".join(parts)

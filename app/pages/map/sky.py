"""Where on the sky the galaxies are that lasso and filter choose."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from astrojepa.data.sky import CELL, field_of, sky_counts
from astrojepa.wording import have

from ...components import figures
from ...components.figure_click.figure_click import figure_click
from ...session import state
from ...session.described import Described, digest

KEY, FIELD_KEY = "sky_figure", "sky_field"
MOST = 20_000  # galaxies that are drawn one by one, chosen and others each
FIELD = 10  # degrees around their middle within which positions are drawn as a field


@dataclass(frozen=True)
class Sky:
    """What is drawn of the sky, and what is said of it."""

    rows: np.ndarray  # int64 (m,), of the galaxies that are drawn one by one
    ra: np.ndarray  # degrees (m,)
    dec: np.ndarray
    inside: np.ndarray  # bool (m,): chosen
    density: bool  # whether that of all galaxies is drawn, since there are more
    field: tuple[float, float, float] | None  # its middle and radius in degrees; None: whole sky
    said: str


def sky_panel(about: Described, chosen: np.ndarray | None) -> None:
    """Draw the folded panel where galaxies have positions; `chosen` rows, None for all."""
    if not about.has_positions:
        return
    panel = st.expander("Sky", key=state.SKY_OPEN, on_change="rerun")
    if not panel.open:
        return
    with panel:
        found = about.ready(
            ("sky", digest(chosen)), "Reading positions", lambda report: sky_of(about, chosen)
        )
        if found is None:
            return
        counts = None
        if found.density:
            counts = about.ready(("sky",), "Counting positions", lambda report: counts_of(about))
            if counts is None:
                return
        from astrojepa import plotting

        row = st.session_state.get(state.ROW)
        place = about.position_of(row) if row is not None and row < about.count else None
        figure = plotting.sky_figure(
            found.ra,
            found.dec,
            found.inside,
            found.rows,
            about.ids(found.rows),
            counts,
            found.field,
            place,
        ).update_layout(
            showlegend=chosen is not None,
            uirevision=str(found.field),
            legend_uirevision=str(chosen is not None),  # without it nothing brings back a group
        )
        key = KEY if found.field is None else FIELD_KEY
        figures.chart(figure, key, 400)
        figure_click(key, about.select)
        st.caption(found.said)


def sky_of(about: Described, chosen: np.ndarray | None) -> Sky:
    """Return what is drawn; of more than 20,000 galaxies that are not chosen, in a field as many,
    on the whole sky their density.
    """
    ra, dec = about.positions()
    placed, inside = np.isfinite(ra) & np.isfinite(dec), np.full(about.count, chosen is None)
    if chosen is not None:
        inside[chosen] = True
    field = None
    if placed.any() and np.ptp(dec[placed]) <= 2 * FIELD:  # else no field, whatever their middle
        found = field_of(ra[placed], dec[placed])
        field = found if found[2] <= FIELD else None
    own, rest = spread(placed & inside, MOST), spread(placed & ~inside, MOST + (field is None))
    rest = rest if len(rest) <= MOST else rest[:0]
    rows = np.concatenate([own, rest])
    density = field is None and len(rows) < int(np.count_nonzero(placed))
    said = sentence(placed, inside, len(own), density, field)
    return Sky(rows, ra[rows], dec[rows], inside[rows], density, field, said)


def counts_of(about: Described) -> np.ndarray:
    """Return how many galaxies lie in each cell of the map."""
    return sky_counts(*about.positions())


def spread(mask: np.ndarray, most: int) -> np.ndarray:
    """Return the rows of a mask, bool (n,): all, or `most` of them evenly spread."""
    rows = np.flatnonzero(mask)
    if len(rows) <= most:
        return rows
    return rows[np.linspace(0, len(rows) - 1, most).astype(int)]


def sentence(
    placed: np.ndarray,
    inside: np.ndarray,
    drawn: int,
    density: bool,
    field: tuple[float, float, float] | None = None,
) -> str:
    """Say what is drawn, how it is projected, and what has no position; `drawn`: of `inside`."""
    parts = ["Equatorial coordinates, Mollweide projection (equal areas), lines every 30°."]
    if field is not None:
        ra, dec = round(field[0], 4) % 360, round(field[1], 4) + 0.0  # neither 360 nor -0
        middle = f"{ra:.4f}° {dec:+.4f}°".replace("-", "\N{MINUS SIGN}")
        parts = [f"Equatorial coordinates, tangent plane around {middle}."]
    parts.append("East is left. Drag to zoom, double-click to see all, click to select a galaxy.")
    if missing := int((inside & ~placed).sum()):
        parts.append(f"{missing:,} of {int(inside.sum()):,} {have(missing)} no position.")
    if drawn < (known := int((placed & inside).sum())):
        parts.append(f"{drawn:,} of {known:,} positions are drawn, evenly chosen.")
    if field is not None and (others := int((placed & ~inside).sum())) > MOST:
        parts.append(f"{MOST:,} of {others:,} others are drawn, evenly chosen.")
    if density:
        parts.append(
            f"Grey: how many of all {int(placed.sum()):,} lie in each of the cells of "
            f"{CELL:.2g} square degrees, on a logarithmic scale."
        )
    return " ".join(parts)

"""Names and values in two quiet columns."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import streamlit as st

from ..session.workspace import Workspace
from .escape_markdown import escape_markdown


def facts(key: str, values: Mapping[str, str], helps: Mapping[str, str] | None = None) -> None:
    """Show facts as text, some names with a tooltip; nothing in them is taken for markup."""
    with st.container(key=f"facts-{key}"):
        for name, value in values.items():
            first, second = st.columns([1, 2], gap="small")
            first.caption(
                escape_markdown(name), help=escape_markdown((helps or {}).get(name, "")) or None
            )
            second.text(value)


def position_facts(workspace: Workspace, row: int, more: Mapping[str, str]) -> None:
    """Show a galaxy's position and redshift, what else is given, and links to sky viewers."""
    from astrojepa.data import coordinates

    data = workspace.data
    ra, dec, redshift = (float(values[row]) for values in (data.ra, data.dec, data.redshift))
    placed = math.isfinite(ra) and math.isfinite(dec) and not data.simulated
    position = "none (simulated)" if data.simulated else "unknown"
    if placed:
        position = f"{ra:.5f}° {dec:+.5f}°\n{coordinates.sexagesimal(ra, dec)}"
    known = f"{redshift:.4f}" if math.isfinite(redshift) else "unknown"
    facts("galaxy", {"Position": position, "Redshift": known, **more})
    if placed:
        st.markdown(
            " · ".join(f"[{name}]({url})" for name, url in coordinates.sky_links(ra, dec).items())
        )


def chip(text: object, width: Any = "content") -> None:
    """Show a word as a chip; `st.badge` would escape it a second time."""
    st.markdown(f":gray-badge[{escape_markdown(text)}]", width=width)


def unreadable(galaxy: object) -> None:
    """Say that the image of the galaxy with this id is missing."""
    st.warning(f"The image of {escape_markdown(galaxy)} cannot be read; it may be damaged.")


def without_errors(workspace: Workspace) -> str:
    """Say why there are no patch errors, escaped; empty where there are."""
    if workspace.model is None:
        return escape_markdown(f"Patch errors need a model. {workspace.without_model}")
    if not workspace.model.has_predictor:
        name = escape_markdown(workspace.choice.label)
        return f"{name} is an encoder without a predictor, so it has no patch errors."
    return ""

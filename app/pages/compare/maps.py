"""Two maps side by side with one selection: a click or a line drawn on either is shown on both."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from astrojepa.wording import galaxies

from ...components.choose import choose
from ...components.escape_markdown import escape_markdown
from ...components.latent_map import colouring, geometry, palette
from ...components.latent_map.colouring import Colouring
from ...components.latent_map.latent_map import latent_map, mark
from ...components.latent_map.layers import packed
from ...session import links, loaders, waiting
from ...session.workspace import Workspace

AROUND = "compare_around"  # session key: which model's map was drawn on, and the polygons there
METHODS = {"pca": "PCA", "umap": "UMAP"}


def maps(
    first: Workspace,
    second: Workspace,
    row: int | None,
    found: Any,
    select: Callable[[Any], None] = links.select,
    *,
    of_sample: bool = False,
) -> None:
    """Draw both maps; what is drawn around on one is picked out on the other. A clicked row is told
    `select`. `of_sample`: neighbours and anomalies are not those among all galaxies.
    """
    with st.container(horizontal=True, vertical_alignment="center", key="compare_maps"):
        method = choose("Maps", METHODS, "compare_method", label_visibility="collapsed")
        note = st.empty()
        cleared = st.empty()
    places: list[np.ndarray | None] = []
    for workspace, column in zip(
        (first, second), columns := st.columns(2, gap="medium"), strict=True
    ):
        with column:
            st.markdown(f"**{escape_markdown(workspace.choice.label)}**")
            xy = waiting.show_when_ready(*workspace.projection_task(method))
            places.append(None if xy is None else geometry.quantise(xy))
    around = _around(first, second, method, places)
    for workspace, column, xy, side in zip(
        (first, second), columns, places, ("first", "second"), strict=True
    ):
        if xy is not None:
            with column:
                if around is not None:
                    coloured = picked_out(around)
                elif workspace.labelled:
                    coloured = colouring.by_class(workspace.data.labels, workspace.data.classes)
                elif of_sample:
                    coloured = colouring.by_number(found.overlap, "Share of neighbours in common")
                else:
                    coloured = colouring.by_number(first.scores, "Anomaly score", palette.MAGMA)
                data = packed(workspace, method, xy, coloured, ranked=not of_sample)
                drawn = partial(_drawn, (*workspace.key, method))
                latent_map(data, select, drawn, key=f"compare_{side}")
    near = []
    if row is not None and not of_sample:
        near = loaders.neighbours(first.embeddings, *first.key, row, 6).indices.tolist()
    mark(
        {
            "pictures": first.pictures,
            "selected": row,
            "neighbours": near,
            "polygons": [],
            "off": None,
        }
    )
    if around is None:
        shown = (
            f"{galaxies(len(first.data))} of the sample"
            if of_sample
            else f"the selected galaxy and its six nearest neighbours by {first.choice.label}"
        )
        note.caption(f"Both maps show {shown}. A lasso on one map selects on both.")
    else:
        shared = (
            ""
            if found is None
            else (
                f", {100 * float(found.overlap[around].mean()):.0f} % of their nearest neighbours "
                "shared"
            )
        )
        note.caption(f"{galaxies(int(around.sum()))} selected{shared}")
        cleared.button("Clear", on_click=_forget)


def _around(
    first: Workspace, second: Workspace, method: str, places: list[np.ndarray | None]
) -> np.ndarray | None:
    """Return the selected galaxies, bool (n,); None without a selection on the maps shown."""
    drawn = st.session_state.get(AROUND)
    for workspace, xy in zip((first, second), places, strict=True):
        if drawn and drawn[0] == (*workspace.key, method) and xy is not None:
            inside = np.zeros(len(xy), dtype=bool)
            inside[geometry.rows_inside(xy, drawn[1])] = True
            return inside if inside.any() else None
    return None


def picked_out(around: np.ndarray) -> Colouring:
    """Colour what was drawn around apart from all the rest."""
    count = int(around.sum())
    groups = [
        {
            "code": 1,
            "name": "selected",
            "colour": palette.ACCENT,
            "light": "#9A5B00",
            "count": count,
        },
        {
            "code": 0,
            "name": "others",
            "colour": palette.UNKNOWN,
            "light": "#B5BCC8",
            "count": len(around) - count,
        },
    ]
    legend = {"kind": "groups", "isClass": False, "title": "Selection", "groups": groups}
    return Colouring(around.astype(np.uint8), legend)


def _drawn(of: tuple[str, ...], message: Any) -> None:
    polygons = geometry.read_polygons(message)
    st.session_state[AROUND] = (of, polygons) if polygons else None


def _forget() -> None:
    st.session_state[AROUND] = None

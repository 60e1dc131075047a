"""The map as a Plotly figure in 2-D or 3-D; a click selects as on the canvas."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st

from ...components.figure_click.figure_click import figure_click
from ...components.latent_map import palette
from ...components.latent_map.colouring import UNKNOWN, Colouring
from ...components.latent_map.layers import Layers
from ...session import state, waiting
from ...session.workspace import Workspace

KEY = "map_figure"
HEIGHT = 620  # pixels
MANY = 5000  # galaxies from which on a flat figure is drawn by the graphics card
SYMBOLS = {  # flat, in space: Plotly has no triangles there
    "circle": ("circle", "circle"),
    "diamond": ("diamond", "diamond"),
    "triangle": ("triangle-up", "cross"),
    "bar": ("square", "square"),
}


def figure_map(
    workspace: Workspace,
    shown: Layers,
    on_click: Callable[[Any], None],
    on_lasso: Callable[[Any], None],
) -> None:
    """Draw the figure; the callbacks get the clicked row and the drawn polygons."""
    in_space = st.session_state[state.DRAWING] == "space"
    places: Any = shown.places.astype(np.float32)
    if in_space:
        method = "pca" if shown.method == "tsne" else shown.method
        if method != shown.method:
            st.caption("t-SNE is available in 2-D only; the 3-D view shows PCA.")
        places = waiting.show_when_ready(*workspace.projection_task(method, 3))
        if places is None:
            return
    light = st.context.theme.type == "light"
    row = st.session_state.get(state.ROW)
    groups = marker_groups(
        shown.coloured,
        workspace.data.labels,
        workspace.data.classes,
        light,
        st.session_state[state.OFF],
    )
    colours = (
        (palette.LIGHT_TEXT, palette.LIGHT_ACCENT) if light else (palette.TEXT, palette.ACCENT)
    )
    figure = map_figure(places, groups, _hover(workspace), row, colours)
    config = {"displaylogo": False, "scrollZoom": True}
    key = f"{KEY}_{'space' if in_space else 'flat'}"
    if in_space:
        st.plotly_chart(figure, width="stretch", key=key, config=config)
        figure_click(key, on_click)
        return

    def heard() -> None:
        _heard(st.session_state.get(key), on_click, on_lasso)

    st.plotly_chart(
        figure,
        width="stretch",
        key=key,
        on_select=heard,
        selection_mode=("points", "box", "lasso"),
        config=config,
    )


def marker_groups(
    coloured: Colouring,
    labels: np.ndarray,
    classes: tuple[str, ...],
    light: bool,
    off: tuple[int, ...] = (),
) -> list[dict[str, Any]]:
    """Sort galaxies into traces: one per legend group, or one for a scale and one for unknown."""
    legend, codes = coloured.legend, coloured.codes
    if legend["kind"] == "ramp":
        known = np.flatnonzero(codes != UNKNOWN)
        values = legend["low"] + codes[known] / 254 * (legend["high"] - legend["low"])
        name = f"{legend['title']}, {legend['unit']}" if legend["unit"] else legend["title"]
        scale = {
            "name": name,
            "rows": known,
            "values": values,
            "stops": legend["light" if light else "stops"],
            "shape": "circle",
        }
        unknown = {
            "name": "unknown",
            "rows": np.flatnonzero(codes == UNKNOWN),
            "colour": palette.UNKNOWN,
            "shape": "circle",
        }
        return [group for group in (scale, unknown) if len(group["rows"])]
    shapes = [style.shape for style in palette.class_styles(classes)]
    return [
        {
            "name": group["name"],
            "rows": np.flatnonzero(codes == group["code"]),
            "colour": group["light" if light else "colour"],
            "shape": shapes[group["code"]]
            if legend["isClass"] and group["code"] < len(shapes)
            else "circle",
            "hidden": group["code"] in off,
        }
        for group in legend["groups"]
        if group["count"]
    ]


def map_figure(
    places: np.ndarray,
    groups: Sequence[Mapping[str, Any]],
    names: np.ndarray,
    marked: int | None,
    colours: tuple[str, str],
) -> dict[str, Any]:
    """Return a figure as plain data: galaxies (n, 2) or (n, 3), a trace per group, `marked` ringed.

    A point's customdata is its row. `colours` are those of text and ring; backgrounds are left to
    the page.
    """
    flat = places.shape[1] == 2
    kind = "scatter3d" if not flat else "scattergl" if len(places) > MANY else "scatter"
    traces = [_trace(kind, places, group, names) for group in groups]
    if marked is not None:
        ring = {
            "symbol": "circle-open",
            "size": 16 if flat else 10,
            "color": colours[1],
            "line": {"width": 3, "color": colours[1]},
        }
        dot = _coordinates(places[[marked]])
        traces.append(
            {
                "type": kind,
                **dot,
                "mode": "markers",
                "marker": ring,
                "hoverinfo": "skip",
                "showlegend": False,
            }
        )
    bare: dict[str, Any] = {
        "showgrid": False,
        "zeroline": False,
        "showticklabels": False,
        "title": {"text": ""},
    }
    layout: dict[str, Any] = {
        "height": HEIGHT,
        "margin": {"l": 0, "r": 0, "t": 8, "b": 0},
        "dragmode": "pan" if flat else "orbit",
        "uirevision": "map",  # view and hidden groups stay when the selected galaxy changes
        "font": {"color": colours[0]},
        "legend": {"orientation": "h", "y": -0.02, "itemsizing": "constant"},
    }
    if flat:
        return {
            "data": traces,
            "layout": layout | {"xaxis": bare, "yaxis": bare | {"scaleanchor": "x"}},
        }
    axes = {axis: bare | {"showbackground": False} for axis in ("xaxis", "yaxis", "zaxis")}
    return {"data": traces, "layout": layout | {"scene": axes | {"aspectmode": "data"}}}


def _trace(
    kind: str, places: np.ndarray, group: Mapping[str, Any], names: np.ndarray
) -> dict[str, Any]:
    rows, flat = group["rows"], places.shape[1] == 2
    marker: dict[str, Any] = {
        "symbol": SYMBOLS[group["shape"]][0 if flat else 1],
        "size": 6 if flat else 3,
        "opacity": 0.85,
    }
    if "values" in group:
        last = len(group["stops"]) - 1
        bar = {
            "title": {"text": group["name"], "side": "right"},
            "thickness": 12,
            "outlinewidth": 0,
        }
        scale = [[k / last, stop] for k, stop in enumerate(group["stops"])]
        marker |= {"color": group["values"], "colorscale": scale, "colorbar": bar}
    else:
        marker["color"] = group["colour"]
    return {
        "type": kind,
        **_coordinates(places[rows]),
        "mode": "markers",
        "marker": marker,
        "name": group["name"],
        "showlegend": "values" not in group,
        "customdata": rows,
        "text": [f"{names[row]}, galaxy {row}" for row in rows],
        "hovertemplate": "%{text}<extra></extra>",
        "visible": "legendonly" if group.get("hidden") else True,
    }


def _coordinates(places: np.ndarray) -> dict[str, np.ndarray]:
    return dict(zip("xyz", places.T, strict=False))


def _hover(workspace: Workspace) -> np.ndarray:
    if "hover" not in workspace.opened:
        names = np.array([*workspace.data.classes, "no label"], dtype=object)
        labels = np.where(
            (workspace.data.labels < 0) | (workspace.data.labels >= len(names) - 1),
            len(names) - 1,
            workspace.data.labels,
        )
        workspace.opened["hover"] = names[labels]
    return workspace.opened["hover"]


def _heard(event: Any, on_click: Callable[[Any], None], on_lasso: Callable[[Any], None]) -> None:
    row, polygons = read_selection(event)
    if polygons:
        on_lasso(polygons)
    elif row is not None:
        on_click(row)


def read_selection(event: Any) -> tuple[int | None, list[Any]]:
    """Read what Plotly sent: a clicked row or the corners of a selection; nothing otherwise."""
    selection: Any = event.get("selection") if hasattr(event, "get") else None
    if not hasattr(selection, "get"):
        return None, []
    shapes = [
        *(selection.get("lasso") or []),
        *(_corners(box) for box in selection.get("box") or []),
    ]
    polygons = [[[x, y] for x, y in zip(shape["x"], shape["y"], strict=True)] for shape in shapes]
    points = selection.get("points") or []
    row = points[0].get("customdata") if len(points) == 1 else None
    row = row[0] if isinstance(row, list) and row else row
    return (row if isinstance(row, int) else None), polygons


def _corners(box: Any) -> dict[str, list[float]]:
    (x0, x1), (y0, y1) = box["x"], box["y"]
    return {"x": [x0, x1, x1, x0], "y": [y0, y0, y1, y1]}

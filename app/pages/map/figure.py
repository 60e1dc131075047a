"""The map as a Plotly figure in 3-D; a click selects as on the canvas."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st

from astrojepa.evaluation.maps.store_pca import project_by_pca
from astrojepa.progress import Progress
from astrojepa.wording import galaxies

from ...components.figure_click.figure_click import figure_click
from ...components.large_card import chosen_row, class_names
from ...components.latent_map import palette
from ...components.latent_map.colouring import UNKNOWN, Colouring
from ...components.latent_map.layers import Layers
from ...session import state, waiting
from ...session.large import Large, selected
from ...session.store_sample import SAMPLED, SEED
from ...session.workspace import Workspace

KEY = "map_figure_space"
FEW = 2000  # galaxies whose points are drawn in full size
# Plotly has no triangles in space
SYMBOLS = {"circle": "circle", "diamond": "diamond", "triangle": "cross", "bar": "square"}


def figure_map(
    workspace: Workspace,
    shown: Layers,
    matching: np.ndarray | None,
    on_click: Callable[[Any], None],
) -> bool:
    """Draw the figure, grey what does not match the filter; the callback gets the clicked row.

    Returns whether the figure is there; until then its progress is.
    """
    method = "pca" if shown.method == "tsne" else shown.method
    if method != shown.method:
        st.caption("t-SNE is available in 2-D only; the 3-D view shows PCA.")
    places = waiting.show_when_ready(*workspace.projection_task(method, 3))
    if places is None:
        return False
    data = workspace.data
    said = [f"{workspace.class_name(row)}, {data.ids[row]}" for row in range(len(data))]
    names, marked = np.array(said, dtype=object), st.session_state.get(state.ROW)
    off = st.session_state.get(state.OFF) or ()
    _draw(places, shown.coloured, data.classes, matching, off, names, marked, on_click)
    return True


def store_figure(
    large: Large,
    coloured: Colouring,
    classes: tuple[str, ...],
    matching: np.ndarray | None,
    off: tuple[int, ...],
    on_click: Callable[[Any], None],
) -> str:
    """Draw a sample of a large store by three principal components of all its vectors, as
    `figure_map` does a small data set; returns what is drawn, "" until it is there.
    """
    count, marked = len(large.map), selected(large)
    places = waiting.show_when_ready(
        ("large space", large.key),
        f"Computing the 3-D PCA of {galaxies(count)}",
        lambda report: project_by_pca(large.map.store, 3, progress=report),
    )
    if places is None:
        return ""
    everybody = np.ones(count, bool) if matching is None else matching
    parts = [_sample(everybody), _sample(~everybody)]
    rows = np.unique(np.concatenate([*parts, [] if marked is None else [marked]])).astype(np.int64)

    def names(report: Progress) -> np.ndarray:
        known = large.map.store.known_of(rows)
        ids = known["id"].astype(str).tolist()
        kinds = class_names(known) if "label" in known else ids
        both = zip(kinds, ids, strict=True)
        said = [name if kind == name else f"{kind}, {name}" for kind, name in both]
        return np.array(said, dtype=object)

    sentence = f"Reading the ids of {galaxies(len(rows))}"
    key = ("large space names", large.key, rows.tobytes())
    if (found := waiting.show_when_ready(key, sentence, names)) is None:
        return ""
    _draw(
        places[rows],
        Colouring(coloured.codes[rows], coloured.legend),
        classes,
        None if matching is None else matching[rows],
        off,
        found,
        None if marked is None else int(np.searchsorted(rows, marked)),
        lambda place: on_click(chosen_row(rows, place)),
    )
    of = f"{count:,}" if matching is None else f"{int(everybody.sum()):,} that match the filter"
    grey = "" if matching is None else f", and, in grey, at most {SAMPLED:,} of the others"
    return (
        f"The 3-D map, of three principal components of all vectors, shows at most {SAMPLED:,} of "
        f"the {of}{grey}, chosen at random (seed {SEED})."
    )


def _sample(chosen: np.ndarray) -> np.ndarray:
    """Draw 20,000 rows at most of those chosen, bool (n,)."""
    rows = np.flatnonzero(chosen)
    if len(rows) <= SAMPLED:
        return rows
    return np.random.default_rng(SEED).choice(rows, SAMPLED, replace=False, shuffle=False)


def _draw(
    places: np.ndarray,
    coloured: Colouring,
    classes: tuple[str, ...],
    matching: np.ndarray | None,
    off: tuple[int, ...],
    names: np.ndarray,
    marked: int | None,
    on_click: Callable[[Any], None],
) -> None:
    """Draw galaxies (n, 3) with their colours and `names`, but for the colours that are `off`;
    grey what does not match."""
    light = st.context.theme.type == "light"
    groups = marker_groups(coloured, classes, light, off)
    if matching is not None:
        groups = greyed(groups, matching)
    colours = (
        (palette.LIGHT_TEXT, palette.LIGHT_ACCENT) if light else (palette.TEXT, palette.ACCENT)
    )
    figure = map_figure(places, groups, names, marked, colours)
    config = {"displaylogo": False, "scrollZoom": True}
    with st.container(key="map_space"):  # theme.css gives it the height of the canvas
        st.plotly_chart(figure, width="stretch", height="stretch", key=KEY, config=config)
    figure_click(KEY, on_click)


def marker_groups(
    coloured: Colouring, classes: tuple[str, ...], light: bool, off: tuple[int, ...] = ()
) -> list[dict[str, Any]]:
    """Sort galaxies into traces: one per legend group, or one for a scale and one for unknown."""
    legend, codes = coloured.legend, coloured.codes
    if legend["kind"] == "ramp":
        known = np.flatnonzero(codes != UNKNOWN)
        scale = {
            "name": f"{legend['title']}, {legend['unit']}" if legend["unit"] else legend["title"],
            "rows": known,
            "values": legend["low"] + codes[known] / 254 * (legend["high"] - legend["low"]),
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
    shapes = [style.shape for style in palette.class_styles(classes)] if legend["isClass"] else []
    return [
        {
            "name": group["name"],
            "rows": np.flatnonzero(codes == group["code"]),
            "colour": group["light" if light else "colour"],
            "shape": shapes[group["code"]] if group["code"] < len(shapes) else "circle",
            "hidden": group["code"] in off,
        }
        for group in legend["groups"]
        if group["count"]
    ]


def greyed(groups: Sequence[Mapping[str, Any]], matching: np.ndarray) -> list[dict[str, Any]]:
    """Move galaxies that do not match the filter, bool (n,), from their traces into a grey one."""
    kept = []
    for group in groups:
        inside = matching[group["rows"]]
        arrays = {name: group[name][inside] for name in ("rows", "values") if name in group}
        kept.append({**group, **arrays})
    rest = {
        "name": "does not match the filter",
        "rows": np.flatnonzero(~matching),
        "colour": palette.UNKNOWN,
        "shape": "circle",
    }
    return [group for group in (*kept, rest) if len(group["rows"])]


def map_figure(
    places: np.ndarray,
    groups: Sequence[Mapping[str, Any]],
    names: np.ndarray,
    marked: int | None,
    colours: tuple[str, str],
) -> dict[str, Any]:
    """Return a figure as plain data: galaxies (n, 3), a trace per group, `marked` ringed.

    A point's customdata is its row. `colours` are those of text and ring; backgrounds are left to
    the page.
    """
    traces = [_trace(places, group, names) for group in groups]
    if marked is not None:
        line = {"width": 3, "color": colours[1]}
        ring = {"symbol": "circle-open", "size": 10, "color": colours[1], "line": line}
        traces.append(_points(places[[marked]], ring, hoverinfo="skip", showlegend=False))
    axis = {
        "showgrid": False,
        "zeroline": False,
        "showticklabels": False,
        "title": {"text": ""},
        "showbackground": False,
    }
    camera = {"eye": {"x": 0.9, "y": 0.9, "z": 0.7}}  # the points fill the frame
    layout = {
        "margin": {"l": 0, "r": 0, "t": 8, "b": 0},
        "dragmode": "orbit",
        "uirevision": "map",  # view and hidden groups stay when the selected galaxy changes
        "font": {"color": colours[0]},
        "legend": {"orientation": "h", "y": -0.02, "itemsizing": "constant"},
        "scene": {
            "xaxis": axis,
            "yaxis": axis,
            "zaxis": axis,
            "aspectmode": "data",
            "camera": camera,
        },
    }
    return {"data": traces, "layout": layout}


def _trace(places: np.ndarray, group: Mapping[str, Any], names: np.ndarray) -> dict[str, Any]:
    rows = group["rows"]
    # many points, or the grey ones, must not hide the others
    size = min(3.0, max(1.0, 3 * (FEW / len(places)) ** 0.5))
    opacity = 0.25 if group.get("colour") == palette.UNKNOWN else 0.85
    marker: dict[str, Any] = {
        "symbol": SYMBOLS[group["shape"]],
        "size": size,
        "opacity": opacity,
    }
    if "values" in group:
        last = len(group["stops"]) - 1
        title = {"text": group["name"], "side": "right"}
        marker |= {
            "color": group["values"],
            "colorscale": [[k / last, stop] for k, stop in enumerate(group["stops"])],
            "colorbar": {"title": title, "thickness": 12, "outlinewidth": 0},
        }
    else:
        marker["color"] = group["colour"]
    return _points(
        places[rows],
        marker,
        name=group["name"],
        showlegend="values" not in group,
        customdata=rows,
        text=names[rows].tolist(),
        hovertemplate="%{text}<extra></extra>",
        visible="legendonly" if group.get("hidden") else True,
    )


def _points(places: np.ndarray, marker: dict[str, Any], **more: Any) -> dict[str, Any]:
    x, y, z = places.T
    return {"type": "scatter3d", "mode": "markers", "x": x, "y": y, "z": z, "marker": marker} | more

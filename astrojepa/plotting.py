"""Images and Plotly figures from arrays. Knows no model."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from PIL import Image
from plotly.offline import get_plotlyjs

from astrojepa.data.sky import mollweide, tangent_plane
from astrojepa.data.values import drawable, ends

BACKGROUND, PANEL, HAIRLINE = "#0B0E14", "#131824", "#232B3B"
TEXT, MUTED, ACCENT = "#E6EAF2", "#8B95A7", "#FFB454"
FEW = 200  # positions on the sky that are drawn larger than more of them
MOST_BINS = 60  # of a histogram
JOINED = 5  # galaxies of a bin of the reliability figure that lines join
# figures let a dark or light page through
CLEAR, FAINT = "rgba(0, 0, 0, 0)", "rgba(139, 149, 167, 0.25)"
SERIES = (
    ACCENT,
    "#5AC8FA",
    "#A78BFA",
    "#4ADE80",
    "#F87171",
    "#F472B6",
    "#FACC15",
    "#2DD4BF",
    "#60A5FA",
    "#A3E635",
)
# what stands in for each on a light page: words at 4.5:1 on white, marks at 3:1
LIGHT = {
    PANEL: "#F2F4F8",
    HAIRLINE: "#D3DAE5",
    TEXT: "#131824",
    MUTED: "#5B6474",
    ACCENT: "#9A5B00",
    "#5AC8FA": "#4496BC",
    "#A78BFA": "#967DE1",
    "#4ADE80": "#38A660",
    "#F87171": "#EC6B6B",
    "#F472B6": "#DC67A4",
    "#FACC15": "#AF8F0F",
    "#2DD4BF": "#229F8F",
    "#60A5FA": "#5694E1",
    "#A3E635": "#72A125",
}
MAX_SHEET = 2048  # pixels a side that every browser and graphics card accepts as a texture

_STOPS = {  # ten colours each of matplotlib's maps, dark to light
    "magma": "000004 180f3d 440f76 721f81 9e2f7f cd4071 f1605d fd9668 feca8d fcfdbf",
    "viridis": "440154 482878 3e4989 31688e 26828e 1f9e89 35b779 6ece58 b5de2b fde725",
}
_FORMATS = {"jpeg": "JPEG", "png": "PNG", "webp": "WEBP"}


def heatmap_overlay(
    image: np.ndarray,
    values: np.ndarray,
    low: float,
    high: float,
    opacity: float = 0.6,
    colours: str = "magma",
) -> np.ndarray:
    """Lay patch values (G, G) over an image uint8 (S, S, 3); NaN cells show the bare image.

    `low` and below is the darkest colour, `high` and above the lightest; `opacity` in [0, 1]. Each
    patch is one flat square. Raises ValueError for an image that is not square, values that are
    not (G, G), low >= high, or an unknown colour map.
    """
    image, values = _checked_image(image), _checked_grid(values)
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise ValueError(f"The colour scale runs from {low} to {high}; low must be less than high.")
    if not 0 <= opacity <= 1:
        raise ValueError(f"The opacity is {opacity}; it must lie in [0, 1].")
    if colours not in _STOPS:
        raise ValueError(f"There is no colour map {colours!r}; choose one of {', '.join(_STOPS)}.")
    cells = _enlarge(values, len(image))
    known = np.isfinite(cells)
    share = np.clip((np.where(known, cells, low) - low) / (high - low), 0, 1)
    weight = (opacity * known)[..., None]
    return np.rint(image * (1 - weight) + _colour(share, colours) * weight).astype(np.uint8)


def colour_scale(values: np.ndarray) -> tuple[float, float]:
    """Return (low, high) of a heatmap: the 2nd and 98th percentile, low < high always.

    Raises ValueError where no value is finite.
    """
    finite = np.asarray(values, dtype=np.float64)
    finite = finite[np.isfinite(finite)]
    if not len(finite):
        raise ValueError("No value is finite; there is nothing to colour.")
    low, high = np.percentile(finite, [2, 98])
    if high > low:
        return (float(low), float(high))
    return (float(low), float(low) + max(1e-6, abs(float(low)) * 1e-3))


def sprite_sheet(images: np.ndarray, columns: int) -> np.ndarray:
    """Place thumbnails uint8 (k, c, c, 3) row by row: uint8 (rows · c, columns · c, 3).

    Thumbnail i lies at row i // columns, column i % columns. Raises ValueError where a side would
    exceed 2048 pixels.
    """
    images = np.asarray(images)
    if (
        images.ndim != 4
        or images.shape[1] != images.shape[2]
        or images.shape[3] != 3
        or not len(images)
        or columns < 1
    ):
        raise ValueError(
            f"A sheet needs images (k, c, c, 3) and columns >= 1, found {images.shape} and "
            f"{columns}."
        )
    count, cell = images.shape[:2]
    rows = -(-count // columns)
    if max(rows, columns) * cell > MAX_SHEET:
        raise ValueError(
            f"{count} thumbnails of {cell} pixels in {columns} columns make a sheet of "
            f"{columns * cell} × {rows * cell}; at most {MAX_SHEET} a side: make several sheets."
        )
    sheet = np.zeros((rows, columns, cell, cell, 3), dtype=np.uint8)
    sheet.reshape(-1, cell, cell, 3)[:count] = images
    return sheet.transpose(0, 2, 1, 3, 4).reshape(rows * cell, columns * cell, 3)


def encode_image(image: np.ndarray, format: str = "jpeg", quality: int = 85) -> bytes:
    """Encode uint8 (H, W, 3) as "jpeg", "png" (lossless) or "webp"; `quality` 1-100."""
    if format not in _FORMATS:
        raise ValueError(
            f"There is no image format {format!r}; choose one of {', '.join(_FORMATS)}."
        )
    if not 1 <= quality <= 100:
        raise ValueError(f"The quality is {quality}; it must lie in 1 ... 100.")
    image = np.asarray(image)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(
            f"Expected an image of type uint8 and shape (H, W, 3), found {image.dtype} and "
            f"{image.shape}."
        )
    stream = io.BytesIO()
    options = {} if format == "png" else {"quality": quality}
    Image.fromarray(image).save(stream, _FORMATS[format], **options)
    return stream.getvalue()


def confusion_figure(confusion: np.ndarray, classes: Sequence[str]) -> go.Figure:
    """Draw a confusion matrix, int (c, c), rows true; colour is the share of the row."""
    confusion = np.asarray(confusion)
    if confusion.shape != (len(classes), len(classes)):
        raise ValueError(
            f"A confusion matrix of {len(classes)} classes has as many rows and columns, found "
            f"{confusion.shape}."
        )
    totals = confusion.sum(axis=1, keepdims=True)
    share = np.divide(confusion, totals, out=np.zeros(confusion.shape), where=totals > 0)
    colours = {"colorscale": [[0.0, PANEL], [1.0, ACCENT]], "zmin": 0, "zmax": 1}
    gaps = {"xgap": 1, "ygap": 1, "showscale": False}
    heat = go.Heatmap(z=share, x=list(classes), y=list(classes), **colours, **gaps)
    heat.update(
        text=confusion,
        texttemplate="%{text}",
        hovertemplate="true %{y}<br>predicted %{x}<br>%{text} (%{z:.0%})<extra></extra>",
    )
    figure = _figure(heat, "predicted", "true")
    return figure.update_yaxes(autorange="reversed")


def histogram_figure(values: np.ndarray, marked: float | None = None, label: str = "") -> go.Figure:
    """Draw the distribution of values (n,) without NaN, with a line at `marked`."""
    return counts_figure(*histogram(values), marked, label)


def histogram(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how many of the finite values lie in each bin, and the edges. Bins are as many as the
    rule of Freedman and Diaconis gives, at most twice the square root of the number of values, but
    no fewer than by Sturges' rule (NumPy's "auto") and at most 60; values that differ by rounding
    alone lie in one. Each bin holds one whole number, or as many as each other, if all values are
    whole.
    """
    finite = drawable(values)[np.isfinite(values)]
    (low, high), bins = ends(finite), 1.0
    if (count := len(finite)) and finite.max() == high:  # else they differ by rounding alone
        quarter, three_quarters = np.percentile(finite, (25, 75))
        width = max(
            2 * (three_quarters - quarter) / np.cbrt(count), (high - low) / 2 / np.sqrt(count)
        )
        bins = min(max((high - low) / width, np.log2(count) + 1), MOST_BINS)
        if high - low < 2**31 and (finite == np.round(finite)).all():
            numbers = high - low + 1
            step = 1.0 if numbers <= MOST_BINS else np.ceil(numbers / bins)
            return np.histogram(finite, low - 0.5 + step * np.arange(np.ceil(numbers / step) + 1))
    return np.histogram(finite, bins=int(np.ceil(bins)), range=(low, high))


def counts_figure(
    counts: np.ndarray, edges: np.ndarray, marked: float | None = None, label: str = ""
) -> go.Figure:
    """Draw a `histogram` with a line at `marked`."""
    middles, marker = (edges[:-1] + edges[1:]) / 2, {"color": MUTED, "line": {"width": 0}}
    bars = go.Bar(x=middles, y=counts, width=np.diff(edges), marker=marker)
    bars.update(hovertemplate="%{x:.3g}: %{y}<extra></extra>")
    figure = _figure(bars, label, "galaxies").update_layout(bargap=0)
    if marked is not None and np.isfinite(marked):
        figure.add_vline(x=float(drawable(np.array(marked))), line={"color": ACCENT, "width": 2})
    return figure


def curves_figure(
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    labels: tuple[str, str] = ("step", "value"),
) -> go.Figure:
    """Draw named curves {name: (x, y)}; `labels` name the axes."""
    lines = []
    for number, (name, (x, y)) in enumerate(curves.items()):
        line = {"color": SERIES[number % len(SERIES)], "width": 2}
        lines.append(go.Scatter(x=list(x), y=list(y), name=name, mode="lines", line=line))
    return _figure(lines, *labels).update_layout(showlegend=len(lines) > 1)


def map_figure(
    xy: np.ndarray, labels: np.ndarray, classes: Sequence[str], ids: np.ndarray
) -> go.Figure:
    """Draw a map (n, 2), one colour per class, unlabelled (-1) grey and below."""
    traces = []
    for label in (-1, *range(len(classes))):
        rows = np.flatnonzero(labels == label)
        colour = MUTED if label < 0 else SERIES[label % len(SERIES)]
        marker = {
            "color": colour,
            "size": 4 if len(xy) < 10_000 else 3,
            "opacity": 0.35 if label < 0 else 0.8,
        }
        x, y, text = xy[rows, 0], xy[rows, 1], [str(ids[row]) for row in rows]
        dots = go.Scattergl(x=x, y=y, mode="markers", marker=marker, text=text)
        name = "no label" if label < 0 else classes[label]
        dots.update(name=name, hovertemplate="%{text}<extra>%{fullData.name}</extra>")
        traces += [dots] if len(rows) else []
    figure = _figure(traces, "", "").update_layout(legend={"itemsizing": "constant"})
    return figure.update_xaxes(showticklabels=False).update_yaxes(
        showticklabels=False, scaleanchor="x"
    )


def sky_figure(
    ra: np.ndarray,
    dec: np.ndarray,
    chosen: np.ndarray,
    rows: np.ndarray,
    ids: np.ndarray,
    counts: np.ndarray | None = None,
    field: tuple[float, float, float] | None = None,
    ringed: tuple[float, float] | None = None,
) -> go.Figure:
    """Draw positions (m,) in degrees, east to the left: on the whole sky, Mollweide, or in the
    tangent plane of a `field`, which `field_of` gives.

    Those that are `chosen`, bool (m,), lie in colour above the grey others. `rows` (m,) is what a
    click tells, `ids` (m,) what hovering shows. Positions must be finite. `counts` of the others,
    as `sky_counts` gives them, lie below. A ring marks the position `ringed`.
    """
    traces = [] if counts is None else [_density(counts)]
    if field is None:
        traces.append(_graticule())
    places = mollweide(ra, dec) if field is None else tangent_plane(ra, dec, *field[:2])
    for name, inside, colour, opacity in (
        ("other galaxies", ~chosen, MUTED, 0.35),
        ("selected", chosen, ACCENT, 0.9),
    ):
        xy = places[inside]
        said = zip(ids[inside], ra[inside], dec[inside], strict=True)
        traces.append(
            go.Scattergl(
                x=xy[:, 0],
                y=xy[:, 1],
                mode="markers",
                name=name,
                marker={"color": colour, "size": 4 if len(ra) > FEW else 6, "opacity": opacity},
                customdata=rows[inside],
                text=[f"{name} · {right:.4f}° {up:+.4f}°" for name, right, up in said],
                hovertemplate="%{text}<extra></extra>",
            )
        )
    if ringed is not None:
        right, up = np.array(ringed)[:, None]
        x, y = (mollweide(right, up) if field is None else tangent_plane(right, up, *field[:2])).T
        ring = {"symbol": "circle-open", "size": 15, "color": TEXT, "line": {"width": 2}}
        look = {"name": "selected galaxy", "hoverinfo": "skip", "showlegend": False}
        traces.append(go.Scattergl(x=x, y=y, mode="markers", marker=ring, **look))
    figure = _figure(traces, "Offset to the east (°)", "Offset to the north (°)")
    figure.update_layout(legend={"orientation": "h", "y": 1, "yanchor": "bottom"})
    figure.update_yaxes(scaleanchor="x", constrain="domain")
    if field is not None:
        edge = 1.1 * max(field[2], 1 / 60)
        figure.update_yaxes(range=[-edge, edge])
        return figure.update_xaxes(range=[edge, -edge], constrain="domain")
    figure.update_layout(margin={"l": 8, "r": 8, "t": 28, "b": 8})
    for up in (-60, -30, 30, 60):
        x, y = mollweide(np.array([359.9]), np.array([float(up)]))[0]
        words = f"{up:+}°".replace("-", "\N{MINUS SIGN}")
        figure.add_annotation(x=x, y=y, text=words, xanchor="right", showarrow=False)
    for right in range(60, 360, 60):
        x, y = mollweide(np.array([float(right)]), np.array([0.0]))[0]
        figure.add_annotation(
            x=x, y=y, text=f"{right}°", xanchor="left", yanchor="top", showarrow=False
        )
    figure.update_annotations(font_size=11)
    figure.update_xaxes(visible=False, range=[-2.2, 2.2], constrain="domain")
    return figure.update_yaxes(visible=False, range=[-1.05, 1.05])


def _density(counts: np.ndarray) -> go.Heatmap:
    """Draw how many galaxies lie in each cell of the sky, on a logarithmic scale."""
    down, across = counts.shape
    there = np.where(counts > 0, counts, np.nan)
    return go.Heatmap(
        x=np.linspace(-2, 2, across + 1),
        y=np.linspace(-1, 1, down + 1),
        z=np.log10(there).round(2),
        customdata=counts,
        colorscale=[[0, FAINT], [1, MUTED]],
        zmin=0 if np.nanmax(there) > 1 else -1,
        showscale=False,
        hovertemplate="%{customdata:,} galaxies<extra></extra>",
    )


def _graticule(step: int = 30) -> go.Scatter:
    """Draw every 30° of right ascension and declination, and the edge of the sky."""
    edge = 1e-6  # keeps 0 h on the side that it bounds
    meridians = [edge, *range(step, 360, step), 360 - edge]
    lines = [(np.full(91, float(ra)), np.linspace(-90, 90, 91)) for ra in meridians]
    lines += [
        (np.linspace(edge, 360 - edge, 181), np.full(181, float(dec)))
        for dec in range(-90 + step, 90, step)
    ]
    gap = np.full((1, 2), np.nan)
    xy = np.concatenate([part for ra, dec in lines for part in (mollweide(ra, dec), gap)])
    x, y, line = xy[:, 0], xy[:, 1], {"color": FAINT, "width": 1}
    return go.Scatter(x=x, y=y, mode="lines", line=line, hoverinfo="skip", showlegend=False)


def in_light(part: Any) -> Any:
    """Exchange the colours of a figure, made for a dark page, for those that stand out of white."""
    if isinstance(part, dict):
        return {name: in_light(value) for name, value in part.items()}
    if isinstance(part, list | tuple):
        return [in_light(value) for value in part]
    return LIGHT.get(part, part) if isinstance(part, str) else part


def figure_html(figure: go.Figure, height: int = 360) -> str:
    """Return a figure as a piece of a page that holds `plotly_script` once."""
    settings = {"displaylogo": False, "responsive": True}
    made: str = figure.to_html(
        full_html=False, include_plotlyjs=False, default_height=f"{height}px", config=settings
    )
    return made


def plotly_script() -> str:
    """Return plotly.js (4.8 MB), for pages that load nothing from anywhere."""
    script: str = get_plotlyjs()
    return script


def bars_figure(classes: Sequence[str], values: Sequence[float], label: str = "") -> go.Figure:
    """Draw one bar per class, from the top; for values in [0, 1] the axis ends at 1."""
    if len(classes) != len(values):
        raise ValueError(
            f"There are {len(classes)} classes and {len(values)} values; they must be equally many."
        )
    marker = {"color": ACCENT, "line": {"width": 0}}
    bars = go.Bar(x=list(values), y=list(classes), orientation="h", marker=marker)
    bars.update(hovertemplate="%{y}: %{x:.3g}<extra></extra>")
    figure = _figure(bars, label, "").update_yaxes(autorange="reversed")
    if len(values) and min(values) >= 0 and max(values) <= 1:
        figure.update_xaxes(range=[0, 1])
    return figure


def _figure(traces: go.Figure, x_label: str, y_label: str) -> go.Figure:
    lines = dict.fromkeys(("gridcolor", "zerolinecolor", "linecolor"), FAINT)
    axis = {**lines, "tickfont": {"color": MUTED}}
    return go.Figure(traces).update_layout(
        template=None,
        paper_bgcolor=CLEAR,
        plot_bgcolor=CLEAR,
        font={"color": MUTED, "size": 13},
        margin={"l": 60, "r": 16, "t": 16, "b": 48},
        legend={"bgcolor": CLEAR},
        hoverlabel={"bgcolor": PANEL, "bordercolor": HAIRLINE, "font": {"color": TEXT}},
        xaxis={**axis, "title": {"text": x_label}, "automargin": True},
        yaxis={**axis, "title": {"text": y_label}, "automargin": True},
    )


def _colour(share: np.ndarray, colours: str) -> np.ndarray:
    stops = np.array([list(bytes.fromhex(stop)) for stop in _STOPS[colours].split()])
    places = np.linspace(0, 1, len(stops))
    return np.stack([np.interp(share, places, stops[:, channel]) for channel in range(3)], axis=-1)


def _enlarge(values: np.ndarray, size: int) -> np.ndarray:
    """Repeat each cell of (G, G) so that it fills its share of (size, size)."""
    index = np.arange(size) * len(values) // size
    return values[index[:, None], index[None, :]]


def _checked_image(image: np.ndarray) -> np.ndarray:
    image = np.asarray(image)
    if (
        image.dtype != np.uint8
        or image.ndim != 3
        or image.shape[2] != 3
        or image.shape[0] != image.shape[1]
    ):
        raise ValueError(
            f"Expected a square image of type uint8 and shape (S, S, 3), found {image.dtype} and "
            f"{image.shape}."
        )
    return image


def _checked_grid(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values)
    if values.ndim != 2 or values.shape[0] != values.shape[1] or not len(values):
        raise ValueError(f"Expected one value per patch, shape (G, G), found {values.shape}.")
    return values


def reliability_figure(confidence: np.ndarray, correct: np.ndarray, bins: int = 10) -> go.Figure:
    """Draw accuracy against confidence (n,), in `bins` of equal width; the diagonal is calibrated.

    The bars of a dot are the 95 % Wilson interval of its share, and hovering tells how many
    galaxies it stands for; a bin of none is left out. Lines join bins of five galaxies or more: the
    share of fewer says next to nothing. *Source:* Guo et al. 2017 (arXiv:1706.04599),
    figure 1; Wilson 1927 (the interval).
    """
    sure, right = np.asarray(confidence, dtype=np.float64), np.asarray(correct, dtype=np.float64)
    if sure.shape != right.shape or sure.ndim != 1:
        raise ValueError(
            f"There are {sure.shape} confidences and {right.shape} answers; give one of each per "
            f"galaxy."
        )
    which = np.clip((sure * bins).astype(int), 0, bins - 1)
    count = np.bincount(which, minlength=bins)
    filled = np.flatnonzero(count)
    n = count[filled]
    x, y = (
        np.bincount(which, weights=values, minlength=bins)[filled] / n for values in (sure, right)
    )
    z2 = 1.96**2
    middle = (y + z2 / (2 * n)) / (1 + z2 / n)
    half = np.sqrt(z2 * (y * (1 - y) / n + z2 / (4 * n**2))) / (1 + z2 / n)
    error = {
        "array": middle + half - y,
        "arrayminus": y - (middle - half),
        "color": ACCENT,
        "thickness": 1,
        "width": 0,
    }
    dots = go.Scatter(x=x, y=y, mode="markers", error_y=error, customdata=n)
    dots.update(
        hovertemplate="confidence %{x:.0%}, accuracy %{y:.0%}: %{customdata} galaxies"
        "<extra></extra>",
        marker={"size": 7, "color": ACCENT},
    )
    line, dotted = {"color": ACCENT, "width": 2}, {"color": MUTED, "width": 1, "dash": "dot"}
    many = n >= JOINED
    joined = go.Scatter(x=x[many], y=y[many], mode="lines", line=line, hoverinfo="skip")
    ideal = go.Scatter(x=[0, 1], y=[0, 1], mode="lines", line=dotted, hoverinfo="skip")
    figure = _figure([ideal, dots, joined], "confidence", "accuracy").update_layout(
        showlegend=False
    )
    return figure.update_xaxes(range=[0, 1], tickformat=".0%").update_yaxes(
        range=[0, 1.02], tickformat=".0%"
    )

"""Colours of the map: a code 0..254 per galaxy (255 = unknown) and its legend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from astrojepa.data.values import drawable, ends

from . import palette

UNKNOWN = 255
MAX_GROUPS = 16
UNITS = {
    **{
        name: name
        for name in ("mag", "arcsec", "arcmin", "deg", "kpc", "mpc", "pc", "px", "gyr", "myr", "s")
    },
    **{
        "mpc": "Mpc",
        "gyr": "Gyr",
        "myr": "Myr",
        "deg": "°",
        "percent": "%",
        "%": "%",
        "kms": "km/s",
        "angstrom": "Å",
        "um": "µm",
    },
}


@dataclass(frozen=True)
class Colouring:
    """Codes for the points and the legend's description, ready for the browser."""

    codes: np.ndarray  # uint8 (n,)
    legend: dict[str, Any]


def _group(code: int, name: str, colour: str, count: int = 0) -> dict[str, Any]:
    """One entry of a legend; the colour for a dark page, and the same darkened for a light one."""
    return {
        "code": code,
        "name": name,
        "colour": colour,
        "light": palette.legible(colour, palette.LIGHT_BACKGROUND),
        "count": count,
    }


def by_class(
    labels: np.ndarray, classes: tuple[str, ...], title: str = "Class", unknown: str = "no label"
) -> Colouring:
    """Colour by class, markers by family; galaxies without one (-1) are grey."""
    labels = np.asarray(labels)
    codes = np.where((labels < 0) | (labels >= UNKNOWN), UNKNOWN, labels).astype(np.uint8)
    counts = np.bincount(codes, minlength=256)
    styles = palette.class_styles(classes)
    groups = [
        _group(code, name, styles[code].colour, int(counts[code]))
        for code, name in enumerate(classes[:UNKNOWN])
    ]
    if counts[UNKNOWN]:
        groups.append(_group(UNKNOWN, unknown, palette.UNKNOWN, int(counts[UNKNOWN])))
    return Colouring(codes, {"kind": "groups", "isClass": True, "title": title, "groups": groups})


def by_number(
    values: np.ndarray, title: str, stops: tuple[str, ...] = palette.VIRIDIS, unit: str = ""
) -> Colouring:
    """Colour by a number from its 1st to its 99th percentile; values beyond are clipped."""
    known, values = np.isfinite(values), drawable(values)
    low, high = ends(np.percentile(values[known], [1, 99]) if known.any() else values[:0])
    with np.errstate(invalid="ignore"):
        scaled = np.clip((np.where(known, values, low) - low) / (high - low), 0, 1)
    codes = np.where(known, np.rint(scaled * 254), UNKNOWN).astype(np.uint8)
    legend = {
        "kind": "ramp",
        "title": title,
        "unit": unit,
        "low": low,
        "high": high,
        "below": bool((values[known] < low).any()),
        "above": bool((values[known] > high).any()),
        "unknown": int((~known).sum()),
        "stops": palette.ramp(stops, palette.BACKGROUND),
        "light": palette.ramp(stops, palette.LIGHT_BACKGROUND),
    }
    return Colouring(codes, legend)


def by_category(values: pd.Series, title: str) -> Colouring:
    """Colour by a column of words: the 15 most frequent get a colour, the rest one for all."""
    words = values.astype("object").where(values.notna() & (values.astype(str) != ""), None)
    counts = words.value_counts()
    names = [str(name) for name in counts.index[: MAX_GROUPS - 1]]
    numbers = {name: code for code, name in enumerate(names)}
    other = len(names) if len(counts) > len(names) else UNKNOWN
    codes = np.array(
        [UNKNOWN if word is None else numbers.get(str(word), other) for word in words],
        dtype=np.uint8,
    )
    styles = palette.class_styles(tuple(names))
    groups = [_group(code, name, styles[code].colour) for code, name in enumerate(names)]
    if other != UNKNOWN:
        groups.append(_group(other, "other", palette.MUTED))
    if (codes == UNKNOWN).any():
        groups.append(_group(UNKNOWN, "unknown", palette.UNKNOWN))
    sizes = np.bincount(codes, minlength=256)
    for group in groups:
        group["count"] = int(sizes[group["code"]])
    return Colouring(codes, {"kind": "groups", "isClass": False, "title": title, "groups": groups})


def by_cluster(labels: np.ndarray, names: tuple[str, ...], title: str) -> Colouring:
    """Colour by cluster, int (n,); galaxies in none (-1) are grey."""
    labels, names = np.asarray(labels), names[:UNKNOWN]
    codes = np.where((labels < 0) | (labels >= len(names)), UNKNOWN, labels).astype(np.uint8)
    counts = np.bincount(codes, minlength=256)
    colours = palette.DISTINCT
    groups = [
        _group(code, name, colours[code % len(colours)], int(counts[code]))
        for code, name in enumerate(names)
    ]
    if counts[UNKNOWN]:
        groups.append(_group(UNKNOWN, "in no cluster", palette.UNKNOWN, int(counts[UNKNOWN])))
    return Colouring(codes, {"kind": "groups", "isClass": False, "title": title, "groups": groups})


def by_column(values: pd.Series, title: str, unit: str = "") -> Colouring:
    """Colour by any column: a scale where it holds many different numbers, groups elsewhere."""
    said = values[values.notna() & (values.astype(str) != "")]
    if pd.api.types.is_bool_dtype(values) or said.nunique() <= MAX_GROUPS:
        return by_category(values, title)
    numbers = pd.to_numeric(said, errors="coerce")  # labels.csv gives numbers as text
    if numbers.isna().any():
        return by_category(values, title)
    name, unit = (title, unit) if unit else title_and_unit(title)
    return by_number(numbers.reindex(values.index).to_numpy(dtype=np.float64), name, unit=unit)


def title_and_unit(name: str) -> tuple[str, str]:
    """Split a column name into title and unit: "size_arcsec" -> size, arcsec."""
    words = name.replace("_", " ").split()
    unit = UNITS.get(words[-1].lower().strip("()[]"), "") if len(words) > 1 else ""
    return (" ".join(words[:-1]) if unit else name, unit)


def by_neighbours_kept(share: np.ndarray, k: int) -> Colouring:
    """Colour by projection reliability: share of the k nearest that the map keeps nearest."""
    return by_number(
        100 * np.asarray(share, dtype=np.float64),
        f"Projection reliability: share of {k} nearest kept on the map",
        palette.VIRIDIS,
        "%",
    )


def ranks(scores: np.ndarray) -> np.ndarray:
    """Return each galaxy's place, 1 = most anomalous (largest score), ties in row order: int64
    (n,).
    """
    places = np.empty(len(scores), dtype=np.int64)
    places[np.argsort(-np.asarray(scores), kind="stable")] = np.arange(1, len(scores) + 1)
    return places


def rank_codes(places: np.ndarray) -> np.ndarray:
    """Return places as uint8, 0 = most ordinary, 255 = most anomalous."""
    n = max(2, len(places))
    return np.floor((n - places) / (n - 1) * 255).astype(np.uint8)

"""What the map's colours mean: a code 0..254 per galaxy (255 = unknown) and the legend that explains it. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from app import palette

UNKNOWN = 255
MAX_GROUPS = 16


@dataclass(frozen=True)
class Colouring:
    """Codes for the points and the legend's description, ready for the browser."""

    codes: np.ndarray  # uint8 (n,)
    legend: dict[str, Any]


def by_class(labels: np.ndarray, classes: tuple[str, ...], title: str = "Class") -> Colouring:
    """Colour by class; unlabelled galaxies (-1) are grey."""
    labels = np.asarray(labels)
    codes = np.where((labels < 0) | (labels >= UNKNOWN), UNKNOWN, labels).astype(np.uint8)
    counts = np.bincount(codes, minlength=256)
    styles = palette.class_styles(classes)
    groups = [
        {"code": code, "name": name, "colour": styles[code].colour, "count": int(counts[code])}
        for code, name in enumerate(classes[:UNKNOWN])
    ]
    if counts[UNKNOWN]:
        groups.append({"code": UNKNOWN, "name": "no label", "colour": palette.UNKNOWN, "count": int(counts[UNKNOWN])})
    return Colouring(codes, {"kind": "groups", "isClass": True, "title": title, "groups": groups})


def by_number(values: np.ndarray, title: str, stops: tuple[str, ...] = palette.VIRIDIS) -> Colouring:
    """Colour by a number on a scale from the 1st to the 99th percentile; values beyond take the end colours."""
    values = np.asarray(values, dtype=np.float64)
    known = np.isfinite(values)
    low, high = (map(float, np.percentile(values[known], [1, 99]))) if known.any() else (0.0, 1.0)
    if high <= low:
        low, high = low - 0.5, low + 0.5
    with np.errstate(invalid="ignore"):
        scaled = np.clip((np.where(known, values, low) - low) / (high - low), 0, 1)
    codes = np.where(known, np.rint(scaled * 254), UNKNOWN).astype(np.uint8)
    return Colouring(codes, {"kind": "ramp", "title": title, "low": low, "high": high, "stops": list(stops)})


def by_category(values: pd.Series, title: str) -> Colouring:
    """Colour by a column of words: the 15 commonest get a colour, the rest one for all."""
    words = values.astype("object").where(values.notna() & (values.astype(str) != ""), None)
    counts = words.value_counts()
    names = [str(name) for name in counts.index[: MAX_GROUPS - 1]]
    numbers = {name: code for code, name in enumerate(names)}
    other = len(names) if len(counts) > len(names) else UNKNOWN
    codes = np.array([UNKNOWN if word is None else numbers.get(str(word), other) for word in words], dtype=np.uint8)
    styles = palette.class_styles(tuple(names))
    groups = [{"code": code, "name": name, "colour": styles[code].colour} for code, name in enumerate(names)]
    if other != UNKNOWN:
        groups.append({"code": other, "name": "other", "colour": palette.MUTED})
    if (codes == UNKNOWN).any():
        groups.append({"code": UNKNOWN, "name": "unknown", "colour": palette.UNKNOWN})
    sizes = np.bincount(codes, minlength=256)
    for group in groups:
        group["count"] = int(sizes[group["code"]])
    return Colouring(codes, {"kind": "groups", "isClass": False, "title": title, "groups": groups})


def by_column(values: pd.Series, title: str) -> Colouring:
    """Colour by any column: a scale where it holds many different numbers, groups elsewhere."""
    said = values[values.notna() & (values.astype(str) != "")]
    if pd.api.types.is_bool_dtype(values) or said.nunique() <= MAX_GROUPS:
        return by_category(values, title)
    numbers = pd.to_numeric(said, errors="coerce")  # labels.csv gives numbers as text
    if numbers.isna().any():
        return by_category(values, title)
    return by_number(numbers.reindex(values.index).to_numpy(dtype=np.float64), title)


def ranks(scores: np.ndarray) -> np.ndarray:
    """Return each galaxy's place, 1 = strangest (largest score), ties in row order: int64 (n,)."""
    places = np.empty(len(scores), dtype=np.int64)
    places[np.argsort(-np.asarray(scores), kind="stable")] = np.arange(1, len(scores) + 1)
    return places


def rank_codes(places: np.ndarray) -> np.ndarray:
    """Return places as uint8, 0 = most ordinary, 255 = strangest."""
    n = max(2, len(places))
    return np.floor((n - places) / (n - 1) * 255).astype(np.uint8)

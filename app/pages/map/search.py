"""The search box: an id, a class, coordinates or a viewer link. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

MAX_LENGTH = 400
_COMPARISON = re.compile(r"[<>]|[=!]=|\bin\s*[\[(]")


@dataclass(frozen=True)
class Found:
    """The answer: a galaxy, or classes to keep bright, and one sentence that says which and why."""

    row: int | None = None
    labels: tuple[int, ...] = ()
    sentence: str = ""


def is_filter(text: str) -> bool:
    """Whether a search compares columns, and so is a filter (`redshift < 0.1`)."""
    return bool(_COMPARISON.search(text)) and "://" not in text


def separation(ra: np.ndarray, dec: np.ndarray, ra0: float, dec0: float) -> np.ndarray:
    """Return the angle to (ra0, dec0) in degrees (haversine); NaN for unknown positions."""
    a, d, a0, d0 = np.radians(ra), np.radians(dec), np.radians(ra0), np.radians(dec0)
    h = np.sin((d - d0) / 2) ** 2 + np.cos(d) * np.cos(d0) * np.sin((a - a0) / 2) ** 2
    return np.degrees(2 * np.arcsin(np.sqrt(np.clip(h, 0, 1))))


def format_angle(degrees: float) -> str:
    """Write an angle in the unit that reads best."""
    if degrees < 1 / 60:
        return f"{degrees * 3600:.1f}″"
    return f"{degrees * 60:.1f}′" if degrees < 1 else f"{degrees:.1f}°"


def search(
    text: str,
    ids: np.ndarray,
    classes: tuple[str, ...],
    ra: np.ndarray,
    dec: np.ndarray,
    parse: Callable[[str], tuple[float, float]],
) -> Found:
    """Interpret the search text; `parse` reads coordinates or a link, or raises ValueError.

    Order: exact id, classes (a whole name, else all that have a word beginning with the text),
    coordinates, the beginning of an id. Rows are not searched: they change with what is open.
    """
    text = text.strip()[:MAX_LENGTH]
    if not text:
        return Found()
    exact = np.flatnonzero(ids == text)
    if len(exact):
        return Found(row=int(exact[0]), sentence=f"Galaxy with id {text}.")
    if labels := _classes_of(text, classes):
        names = " and ".join(classes[label] for label in labels)
        return Found(labels=labels, sentence=f"Galaxies of class {names} are highlighted.")
    try:
        ra0, dec0 = parse(text)
    except ValueError:
        partial = np.flatnonzero(np.char.startswith(np.char.lower(ids.astype(str)), text.lower()))
        if len(partial):
            return Found(
                row=int(partial[0]),
                sentence=f"First of {len(partial)} galaxies whose id begins with {text}.",
            )
        return Found(
            sentence=(
                "No match. Try an id, a class, coordinates such as 184.95 -0.57, or the "
                "link of a sky viewer."
            )
        )
    return _nearest(ra, dec, ra0, dec0)


def _classes_of(text: str, classes: tuple[str, ...]) -> tuple[int, ...]:
    lowered = [name.lower() for name in classes]
    if text.lower() in lowered:
        return (lowered.index(text.lower()),)
    begins = re.compile(rf"\b{re.escape(text.lower())}")
    found = [k for k, name in enumerate(lowered) if begins.search(name)]
    return tuple(found) if len(text) > 2 else ()


def _nearest(ra: np.ndarray, dec: np.ndarray, ra0: float, dec0: float) -> Found:
    angles = separation(ra, dec, ra0, dec0)
    if not np.isfinite(angles).any():
        return Found(
            sentence="This data set has no sky positions, so it cannot be searched by coordinates."
        )
    row = int(np.nanargmin(angles))
    return Found(
        row=row,
        sentence=f"Nearest galaxy to {ra0:.5f} {dec0:+.5f}: {format_angle(float(angles[row]))} "
        f"away.",
    )

"""The search box: a row, an id, a class, coordinates or a viewer link. Pure functions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

MAX_LENGTH = 400


@dataclass(frozen=True)
class Found:
    """The answer: a galaxy, or a class to keep bright, and one sentence that says which and why."""

    row: int | None = None
    label: int | None = None
    sentence: str = ""


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

    Order: exact id, class (whole or the beginning of a name), `#row` or a row number, coordinates.
    """
    text = text.strip()[:MAX_LENGTH]
    if not text:
        return Found()
    exact = np.flatnonzero(ids == text)
    if len(exact):
        return Found(row=int(exact[0]), sentence=f"Galaxy with id {text}.")
    if (label := _class_of(text, classes)) is not None:
        return Found(label=label, sentence=f"Galaxies of class {classes[label]} are highlighted.")
    number = text.removeprefix("#")
    if number.isascii() and number.isdecimal() and len(number) < 10:
        if int(number) < len(ids):
            return Found(row=int(number), sentence=f"Galaxy number {int(number)}.")
        return Found(sentence=f"There is no galaxy number {number}; the last is {len(ids) - 1}.")
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
                "No match. Try an id, a number, a class, coordinates such as 184.95 -0.57, or the "
                "link of a sky viewer."
            )
        )
    return _nearest(ra, dec, ra0, dec0)


def _class_of(text: str, classes: tuple[str, ...]) -> int | None:
    lowered = [name.lower() for name in classes]
    if text.lower() in lowered:
        return lowered.index(text.lower())
    starts = [k for k, name in enumerate(lowered) if name.startswith(text.lower())]
    return starts[0] if len(text) > 2 and starts else None


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

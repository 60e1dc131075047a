"""The search box: an id, a class, coordinates or a viewer link. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from astrojepa.data.filters import text_in
from astrojepa.data.sky import separation

MAX_LENGTH = 400
FEW = 12  # classes that a sentence names
# of English words that name a class, so that "mergers" finds Merging, and "lenses" Lens
_ENDING = re.compile(r"(?:ers?|ing|es|s)$")
_COMPARISON = re.compile(r"[<>]|[=!]=|\bin\s*[\[(]|\bcone\s*\(")
_RADIUS = re.compile(
    r"(?P<centre>.+?)[\s,;]+(?:within|radius|r\s*=)\s*(?P<size>\d+\.?\d*|\.\d+)\s*"
    r"(?P<unit>deg|degrees?|°|arcmin|'|′|arcsec|\"|″)?",
    re.IGNORECASE,
)
_UNITS = {"arcmin": 60, "'": 60, "′": 60, "arcsec": 3600, '"': 3600, "″": 3600}  # in a degree


@dataclass(frozen=True)
class Found:
    """The answer: a galaxy, or classes to keep bright, and one sentence that says which and why."""

    row: int | None = None
    labels: tuple[int, ...] = ()
    sentence: str = ""


def is_filter(text: str) -> bool:
    """Whether a search compares columns, and so is a filter (`redshift < 0.1`)."""
    return bool(_COMPARISON.search(text)) and "://" not in text


def cone(text: str, parse: Callable[[str], tuple[float, float]]) -> str:
    """Return the filter of a search like `184.95 -0.57 within 30'`; "" for any other text.

    The radius is in degrees unless a unit follows. `parse` reads the centre, or raises ValueError.
    """
    found = _RADIUS.fullmatch(text.strip()[:MAX_LENGTH])
    if found is None:
        return ""
    try:
        ra, dec = parse(found["centre"])
    except ValueError:
        return ""
    radius = float(found["size"]) / _UNITS.get((found["unit"] or "").lower(), 1)
    return f"cone({ra:.8g}, {dec:.8g}, {radius:.6g})"


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
        return Found(labels=labels, sentence=_highlighted([classes[label] for label in labels]))
    try:
        ra0, dec0 = parse(text)
    except ValueError:
        partial = np.flatnonzero(np.char.startswith(np.char.lower(ids.astype(str)), text.lower()))
        if len(partial):
            which = f"First of {len(partial):,} galaxies" if len(partial) > 1 else "The only galaxy"
            return Found(row=int(partial[0]), sentence=f"{which} whose id begins with {text}.")
        return Found(
            sentence=(
                f"No match. Try an id, a class{_some(classes)}, coordinates such as 184.95 -0.57, "
                "with a radius (within 30'), the link of a sky viewer, or a filter such as "
                "anomaly_score > 30."
            )
        )
    return _nearest(ra, dec, ra0, dec0)


def _classes_of(text: str, classes: tuple[str, ...]) -> tuple[int, ...]:
    lowered = [name.lower() for name in classes]
    if text.lower() in lowered:
        return (lowered.index(text.lower()),)
    for start in (text.lower(), _ENDING.sub("", text.lower())):  # mergers: Merging
        begins = re.compile(rf"\b{re.escape(start)}")
        found = tuple(k for k, name in enumerate(lowered) if begins.search(name))
        if found and len(start) > 2:
            return found
    return ()


def of_classes(names: list[str]) -> str:
    """Return the filter of these classes; "" for none."""
    quoted = ", ".join(map(text_in, names))
    if not names:
        return ""
    return f"class == {quoted}" if len(names) == 1 else f"class in [{quoted}]"


def _highlighted(names: list[str]) -> str:
    return (
        f"Galaxies of class {' and '.join(names)} are highlighted. The button “List highlighted”, "
        "below the map, shows them as a gallery, for an export."
    )


def _some(classes: tuple[str, ...]) -> str:
    """Name a few classes, for who does not know them."""
    more = ", …" if len(classes) > FEW else ""
    return f" ({', '.join(classes[:FEW])}{more})" if classes else ""


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

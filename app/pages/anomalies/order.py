"""Order and wording of the anomalies page. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

SKIPPED = " Likely artefacts are skipped."


def ranking(
    places: np.ndarray, labels: np.ndarray, label: int | None, keep: np.ndarray | None = None
) -> np.ndarray:
    """Return rows, most anomalous first, of one class and of `keep`, bool (n,), if given."""
    order = np.argsort(places, kind="stable")
    if label is not None:
        order = order[np.asarray(labels)[order] == label]
    return order if keep is None else order[keep[order]]


def beside(order: np.ndarray, left_out: np.ndarray, row: int) -> tuple[int | None, int | None]:
    """Return the rows before and after one in an order, past those left out; None at its ends."""
    kept = order[~np.isin(order, left_out) | (order == row)]
    at = int(np.flatnonzero(kept == row)[0])
    before, after = (int(kept[to]) if 0 <= to < len(kept) else None for to in (at - 1, at + 1))
    return before, after


def finite_places(scores: np.ndarray) -> np.ndarray:
    """Return each galaxy's place, 1 = most anomalous; those without a finite score come last."""
    known = np.where(np.isfinite(scores), scores, -np.inf)
    places = np.empty(len(known), dtype=np.int64)
    places[np.argsort(-known, kind="stable")] = np.arange(1, len(known) + 1)
    return places


def artefact_kind(parts: Mapping[str, np.ndarray], row: int) -> str:
    """Name the plainest kind of artefact of a galaxy's image; empty where none is likely."""
    from astrojepa.evaluation.pictures.artefacts import LIKELY

    name = max(parts, key=lambda kind: float(parts[kind][row]))
    return name if float(parts[name][row]) > LIKELY else ""


def follows(found: Sequence[Any], score: str) -> str:
    """Say which image properties a score correlates with; "" if none."""
    words = {
        "brightness": ("bright", "faint"),
        "S/N": ("high S/N", "low S/N"),
        "star count": ("many stars", "few stars"),
    }
    parts = []
    for one in found:
        if one.flagged:
            high, low = words.get(one.about, (f"high {one.about}", f"low {one.about}"))
            parts.append(
                f"{one.about} (rank correlation {one.spearman:+.2f}): high scores are mostly "
                f"{high if one.spearman > 0 else low}"
            )
    return f"{score} correlates with {'; and '.join(parts)}." if parts else ""


def correlations_words(found: Mapping[str, float], n: int) -> str:
    """List rank correlations of n galaxies with their strength; undefined ones are left out."""
    from astrojepa.evaluation.pictures.checks import strength

    said = [
        f"{about} {rho:+.2f} ({strength(rho, n)})" for about, rho in found.items() if rho == rho
    ]
    return ", ".join(said).replace("-", "\N{MINUS SIGN}")


def worst_patch(errors: np.ndarray, seen: np.ndarray) -> int:
    """Return the number of the worst-predicted patch, of `errors` (G, G), among those with light:
    above the sky of the model's image `seen`, uint8 (S, S, 3), by twice its noise. Where none is,
    of all. In an empty patch, the error is one of noise.
    """
    grid, grey = len(errors), seen.mean(axis=2)
    side = len(grey) // grid
    sky = np.median(grey)
    noise = 1.4826 * np.median(np.abs(grey - sky))
    cut = grey[: grid * side, : grid * side].reshape(grid, side, grid, side)
    lit = cut.mean(axis=(1, 3)) > sky + 2 * noise
    return int(np.nanargmax(np.where(lit, errors, np.nan) if lit.any() else errors))


def patch_words(index: int, grid: int) -> str:
    """Say where a patch lies, from its number in reading order: "upper left", "centre"."""
    row, column = divmod(index, grid)
    vertical = ("upper", "", "lower")[min(2, 3 * row // grid)]
    horizontal = ("left", "", "right")[min(2, 3 * column // grid)]
    if vertical and horizontal:
        return f"{vertical} {horizontal}"
    return {"upper": "top", "lower": "bottom"}.get(vertical, horizontal) or "centre"


def patch_box(
    index: int, grid: int, seen: tuple[float, float, float, float]
) -> tuple[float, float, float, float]:
    """Return (left, top, width, height) of a patch as image shares; the model sees `seen`."""
    row, column = divmod(index, grid)
    left, top, width, height = seen
    return left + column * width / grid, top + row * height / grid, width / grid, height / grid


def position_words(ra: float, dec: float) -> str:
    """Write a position in degrees; empty where it is not known."""
    return f"{ra:.4f}° {dec:+.4f}°" if math.isfinite(ra) and math.isfinite(dec) else ""

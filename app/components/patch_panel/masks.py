"""Masks of the patch panel: the choices, a mask as text, and the role of each patch."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

KINDS = {
    "tiling": "Each patch once",
    "random": "As in training",
    "bright": "Bright targets",
    "drawn": "Drawn by hand",
}
COUNTS = (1, 4, 16, 64)
CONTEXT, TARGET, LEFT_OUT, PLAIN = "c", "t", "o", "."


@dataclass(frozen=True)
class Masks:
    """One choice of masks, hashable; `drawn` is the mask of kind "drawn"."""

    kind: str = "tiling"
    seed: int = 0
    count: int = 1
    drawn: str = ""


def write_mask(hidden: np.ndarray) -> str:
    """Write a mask bool (G, G), True = hidden, as hexadecimal digits in reading order."""
    return np.packbits(np.asarray(hidden, dtype=bool)).tobytes().hex()


def read_mask(text: object, grid: int) -> np.ndarray | None:
    """Read a mask for this grid; None for anything that `write_mask` does not produce."""
    if not isinstance(text, str) or len(text) != 2 * (-(-grid * grid // 8)):
        return None
    try:
        bits = np.unpackbits(np.frombuffer(bytes.fromhex(text), dtype=np.uint8))
    except ValueError:
        return None
    hidden = bits[: grid * grid].reshape(grid, grid).astype(bool)
    return hidden if write_mask(hidden) == text else None


def first_mask(grid: int) -> np.ndarray:
    """Return the mask that drawing starts from: the central block, a third of the side wide."""
    side = max(1, round(grid / 3))
    hidden = np.zeros((grid, grid), dtype=bool)
    first = (grid - side) // 2
    hidden[first : first + side, first : first + side] = True
    return hidden


def complaint(hidden: np.ndarray) -> str:
    """Say why nothing can be predicted under a mask; empty where it can."""
    if hidden.all():
        return "All patches are hidden. Show some of them: the model predicts from visible patches."
    return "" if hidden.any() else "No patch is hidden. Drag over the image to hide some."


def with_bias(model: Any) -> Any:
    """Return the model with all target blocks centred on bright patches."""
    from astrojepa.config import replace

    return dataclasses.replace(model, config=replace(model.config, target_bias=1.0))


def roles(masks: Masks, hidden: np.ndarray, times: np.ndarray, shown: int) -> str:
    """Say of each patch what it is under one mask, a letter each in reading order.

    `hidden` (m, G, G) and `times` (G, G) are those of PatchErrors, `shown` counts the masks from 1,
    0 = outline none. A hidden patch is a target, except that of several random masks only the
    context is known, and of a single one also which patches are neither.
    """
    count = hidden[0].size
    if not 1 <= shown <= len(hidden):
        return PLAIN * count
    away = hidden[shown - 1]
    scored = away
    if masks.kind in {"random", "bright"}:
        scored = away & (times > 0) if len(hidden) == 1 else np.zeros_like(away)
    letters = np.where(scored, TARGET, np.where(away, LEFT_OUT, CONTEXT))
    return "".join(letters.ravel().tolist())


def numbers(values: np.ndarray, decimals: int = 4) -> list[float | None]:
    """List values (G, G) for the browser, None where there is none."""
    return [
        round(float(value), decimals) if np.isfinite(value) else None for value in np.ravel(values)
    ]

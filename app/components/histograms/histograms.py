"""Small histograms of columns: dragging over one chooses a range, a click on a bar its word."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from astrojepa.data.histograms import Histogram

from ..browser import PRESS, component, hears


@dataclass(frozen=True)
class Panel:
    """One histogram as it is drawn."""

    column: str
    title: str
    found: Histogram
    matching: np.ndarray | None  # counts of the galaxies that match, int64 (bars + 2,)
    chosen: np.ndarray | None  # bars that the filter demands, and unknown: bool (bars + 1,)


def histograms(key: str, panels: Sequence[Panel], on_choice: Callable[[Any], None]) -> None:
    """Draw panels; the callback gets [column, first bar, last bar], [column, bar] of a word, or
    [column], which clears it, as the browser sent it.
    """
    data = {"panels": [_described(panel) for panel in panels]}
    component("histograms", "histograms", PRESS, html='<div class="panels"></div>')(
        data=data, key=key, on_choice_change=hears(key, "choice", "choice", on_choice)
    )


def read_choice(message: object, panels: Sequence[Panel]) -> tuple[Panel, list[int]] | None:
    """Check what the browser sent: a panel and none, one or two of its bars in order; a bar beyond
    the last stands for unknown words. None for anything else.
    """
    if not isinstance(message, list) or not 1 <= len(message) <= 3:
        return None
    column, *bars = message
    panel = next((panel for panel in panels if panel.column == column), None)
    if panel is None or not all(isinstance(k, int) and not isinstance(k, bool) for k in bars):
        return None
    words = not len(panel.found.edges)
    fits = all(0 <= k < panel.found.bars + words for k in bars) and bars == sorted(bars)
    return (panel, bars) if fits and len(bars) in (0, 1 if words else 2) else None


def _described(panel: Panel) -> dict[str, Any]:
    found = panel.found
    return {
        "column": panel.column,
        "title": panel.title,
        "edges": found.edges.tolist(),
        "words": list(found.words),
        "all": found.counts.tolist(),
        "matching": None if panel.matching is None else panel.matching.tolist(),
        "chosen": None if panel.chosen is None else panel.chosen.tolist(),
    }

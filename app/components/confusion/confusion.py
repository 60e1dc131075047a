"""A confusion matrix whose cells open galleries."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..browser import component, hears


def read_cell(message: object, num_classes: int) -> tuple[int, int] | None:
    """Check what the browser sent: a pair of class numbers, or None."""
    if not isinstance(message, list) or len(message) != 2:
        return None
    if not all(
        isinstance(k, int) and not isinstance(k, bool) and 0 <= k < num_classes for k in message
    ):
        return None
    return message[0], message[1]


def confusion(
    key: str,
    counts: np.ndarray,
    classes: tuple[str, ...],
    chosen: tuple[int, int] | None,
    on_cell: Callable[[tuple[int, int] | None], None],
) -> None:
    """Show the matrix, rows true, columns named; `on_cell` gets the cell that is clicked."""
    data = {"classes": list(classes), "counts": np.asarray(counts).tolist(), "chosen": chosen}
    component("confusion", html='<div class="frame"><table></table></div>')(
        data=data,
        key=key,
        on_cell_change=hears(
            key, "cell", "cell", lambda cell: on_cell(read_cell(cell, len(classes)))
        ),
    )

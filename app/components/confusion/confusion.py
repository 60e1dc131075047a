"""A confusion matrix whose cells open galleries."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

_HERE = Path(__file__).parent


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

    def clicked() -> None:
        message = (st.session_state.get(key) or {}).get("cell")
        on_cell(read_cell(message.get("cell"), len(classes)) if isinstance(message, dict) else None)

    data = {"classes": list(classes), "counts": np.asarray(counts).tolist(), "chosen": chosen}
    _component()(data=data, key=key, on_cell_change=clicked)


@st.cache_resource(show_spinner=False)
def _component() -> Any:
    return st.components.v2.component(
        "astrojepa_confusion",
        html='<div class="frame"><table></table></div>',
        css=(_HERE / "confusion.css").read_text(encoding="utf-8"),
        js=(_HERE / "confusion.js").read_text(encoding="utf-8"),
    )

"""One line that says what one sees and what to try; at a first visit, in three steps."""

from __future__ import annotations

from collections.abc import Sequence

from ..browser import component

_HTML = (
    '<div class="guide" role="group" aria-label="Introduction"><span class="said" role="status">'
    '</span><button type="button" class="on"></button>'
    '<button type="button" class="off">Close</button></div>'
)


def guide(line: str, steps: Sequence[str]) -> None:
    """Show the line, or the steps one by one until this browser has read or closed them once."""
    component("guide", html=_HTML)(data={"line": line, "steps": list(steps)}, key="guide")

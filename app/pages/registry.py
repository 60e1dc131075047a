"""The pages of the explorer.

A page is a folder beside this file whose `view.py` names a `PAGE`; the navigation finds it.
`docs/extending.md` shows one.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Page:
    """One page: `show(workspace)` draws it, or `show(settings)` where it opens no galaxies."""

    title: str
    order: int  # its place in the navigation
    show: Callable[[Any], None]
    opens_galaxies: bool = True
    needs_libraries: bool = True  # torch and scikit-learn are imported before it is drawn
    # `show_large(large, go)` draws it of a store that is too large to be read into memory, and
    # `go("map")` opens another page; None where that cannot be done
    show_large: Callable[[Any, Callable[[str], None]], None] | None = None


@functools.cache
def pages() -> dict[str, Page]:
    """Return every page by the last part of its address, in the order of the navigation."""
    folders = sorted(path.parent.name for path in Path(__file__).parent.glob("*/view.py"))
    found = {name: import_module(f"{__package__}.{name}.view").PAGE for name in folders}
    return dict(sorted(found.items(), key=lambda item: item[1].order))

"""What the registries share: a file in the right folder registers what it defines."""

from __future__ import annotations

import functools
import importlib
import pkgutil


@functools.cache
def import_modules(package: str) -> None:
    """Import every module of a package, in the order of their names; once."""
    folder = importlib.import_module(package).__path__
    for name in sorted(item.name for item in pkgutil.iter_modules(folder)):
        importlib.import_module(f"{package}.{name}")

"""What can be opened as a data set.

A reader is a function with `@reader` in a file of this folder; `open_dataset`, every command and
the explorer then open what it recognises. `docs/extending.md` shows one from end to end. A file
imports its heavy libraries when it opens something, so that asking all readers costs little.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from astrojepa.data import DataError
from astrojepa.data.dataset import Dataset
from astrojepa.progress import Listener
from astrojepa.registries import import_modules


@dataclass(frozen=True)
class Selection:
    """Which galaxies are opened, and what labels them."""

    where: Mapping[str, str] = field(default_factory=dict)  # {column: value}, all of which hold
    label_column: str | None = None
    skip_corrupt: bool = False
    bands: tuple[str, ...] = ()  # whose flux is read beside RGB images


Open = Callable[[str, Selection, Listener], Dataset]


@dataclass(frozen=True)
class Reader:
    """A format: `recognises(source)` is True for what `open(source, ...)` reads."""

    name: str  # as a refusal names it: "a folder of images"
    recognises: Callable[[str], bool]
    selects: bool  # whether it has columns to select by
    gives_flux: bool  # of named bands
    open: Open


_READERS: dict[str, Reader] = {}


def reader(
    name: str, recognises: Callable[[str], bool], selects: bool = False, gives_flux: bool = False
) -> Callable[[Open], Open]:
    """Register a format. At most one reader may recognise a source."""

    def register(open_it: Open) -> Open:
        _READERS[name] = Reader(name, recognises, selects, gives_flux, open_it)
        return open_it

    return register


def find_reader(source: str) -> Reader:
    """Return the reader that recognises `source`; DataError names what can be opened."""
    import_modules("astrojepa.data.readers")
    for found in _READERS.values():
        if found.recognises(source):
            return found
    expected = ", ".join(sorted(_READERS, key=str.lower))
    raise DataError(f"{source} is not a data set; expected one of: {expected}.")

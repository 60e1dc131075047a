"""Images of the galaxies of a store, by row, each drawn or read when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from astrojepa.data import DataError, PictureError
from astrojepa.data.simulate.census import KINDS
from astrojepa.data.simulate.stamp import draw_stamp
from astrojepa.evaluation.vectors.store import Store

SIZE = 128  # pixels of a side of what is drawn
DRAWN_VERSION = 1  # raise it when a drawn image changes


class StoreImages(Protocol):
    """What pages ask for images."""

    def __len__(self) -> int:
        """The number of galaxies of the store."""
        ...

    def there(self, rows: np.ndarray) -> np.ndarray:
        """Say which rows have an image: bool (q,)."""
        ...

    def each(self, rows: Sequence[int]) -> Iterator[tuple[int, np.ndarray | DataError | None]]:
        """Yield every row, in any order, with its image as uint8 (H, W, 3), with what is wrong
        with it, or with None where there is none. One image at a time is in memory.
        """
        ...


def is_made_up(store: Store) -> bool:
    """Whether `simulate_store` made a store up, whatever has sorted or projected it since."""
    return store.facts.get("simulated") == "true" and "model_hash" not in store.facts


@dataclass(frozen=True)
class DrawnImages:
    """Images of a simulated store: the simulator draws each from the galaxy's class and its id.

    The same id and class give the same image, in whatever store and order; nothing else that the
    store says of a galaxy decides it.
    """

    store: Store

    def __len__(self) -> int:
        return len(self.store)

    def there(self, rows: np.ndarray) -> np.ndarray:
        """Every galaxy has an image."""
        return np.ones(len(rows), bool)

    def each(self, rows: Sequence[int]) -> Iterator[tuple[int, np.ndarray | DataError | None]]:
        """Draw one image after another; PictureError for a class that the simulator lacks."""
        known = self.store.known_of(np.asarray(rows, np.int64)) if len(rows) else {}
        for place, row in enumerate(rows):
            name = str(known["id"][place])
            kind = str(known["label"][place]) if "label" in known else ""
            yield row, _drawn(name, kind)


def _drawn(name: str, kind: str) -> np.ndarray | DataError:
    if kind.lower() not in KINDS:
        return PictureError(f"{name} cannot be drawn: the simulator has no class {kind!r}.")
    if not name.isdecimal():
        return PictureError(f"{name} cannot be drawn: the simulator counts galaxies by number.")
    return draw_stamp(0, int(name), kind.lower(), "none", SIZE)[0]

"""Images of the galaxies of a store, by row, each drawn or read when it is asked for."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from astrojepa.cache import cache_path, load_arrays, save_arrays
from astrojepa.data import DataError, PictureError
from astrojepa.data.image_source import ImageSource
from astrojepa.data.parquet_footer import footers_hash
from astrojepa.data.simulate.census import KINDS
from astrojepa.data.simulate.stamp import draw_stamp
from astrojepa.evaluation.vectors.same_ids import rows_by_id
from astrojepa.evaluation.vectors.store import Store
from astrojepa.progress import Listener, reporting

SIZE = 128  # pixels of a side of what is drawn
_VERSION = 1  # part of the key; raise it when ids are looked up in another way


class StoreImages(Protocol):
    """What pages ask for images."""

    def __len__(self) -> int:
        """The number of galaxies of the store."""

    @property
    def fingerprint(self) -> str:
        """What changes with where the images are from."""

    def there(self, rows: np.ndarray) -> np.ndarray:
        """Say which rows have an image: bool (q,)."""

    def each(self, rows: Sequence[int]) -> Iterator[tuple[int, np.ndarray | DataError | None]]:
        """Yield every row, in any order, with its image as uint8 (H, W, 3), with what is wrong
        with it, or with None where there is none. One image at a time is in memory.
        """


@dataclass(frozen=True)
class SomeImages:
    """Images of some rows of a store: by place for pages, by row for a data set's reader."""

    images: StoreImages
    rows: np.ndarray  # int64 (n,)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def fingerprint(self) -> str:
        """That of all images."""
        return self.images.fingerprint

    def there(self, rows: np.ndarray) -> np.ndarray:
        """Say which places have an image: bool (q,)."""
        return self.images.there(self.rows[rows])

    def each(self, rows: Sequence[int]) -> Iterator[tuple[int, np.ndarray | DataError | None]]:
        """Yield every place with its image, with what is wrong with it, or with None."""
        places = {int(self.rows[place]): place for place in rows}
        for row, image in self.images.each(list(places)):
            yield places[row], image

    def read(self, row: int) -> np.ndarray:
        """Return the image of a row of the store; DataError where there is none."""
        ((_, image),) = self.of_rows([row])
        if isinstance(image, DataError):
            raise image
        return image

    def of_rows(self, rows: Sequence[int]) -> Iterator[tuple[int, np.ndarray | DataError]]:
        """Yield rows of the store once, in any order, with the image or with what is wrong."""
        for row, image in self.images.each(rows):
            missing = PictureError("There is no image of this galaxy.")
            yield row, missing if image is None else image


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
    fingerprint: str = "drawn"

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


@dataclass(frozen=True)
class FoundImages:
    """Images of a source, found by id."""

    source: ImageSource
    rows: np.ndarray  # int32 (n,): the row of the source for each galaxy, -1 where it has none

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def fingerprint(self) -> str:
        """That of the source."""
        return self.source.fingerprint

    @cached_property
    def count(self) -> int:
        """How many galaxies of the store have an image."""
        return int(np.count_nonzero(self.rows >= 0))

    @cached_property
    def others(self) -> int:
        """How many images of the source belong to no galaxy of the store."""
        used = np.zeros(len(self.source), bool)
        used[self.rows[self.rows >= 0]] = True
        return int(np.count_nonzero(~used))

    def there(self, rows: np.ndarray) -> np.ndarray:
        """Say which rows have an image: bool (q,)."""
        return self.rows[rows] >= 0

    def each(self, rows: Sequence[int]) -> Iterator[tuple[int, np.ndarray | DataError | None]]:
        """Yield every row with its image, with what is wrong with it, or with None."""
        wanted: dict[int, list[int]] = defaultdict(list)
        for row in rows:
            wanted[int(self.rows[row])].append(row)
        for row in wanted.pop(-1, []):
            yield row, None
        for place, image in self.source.each(list(wanted)):
            for row in wanted[place]:
                yield row, image


def find_images(store: Store, source: ImageSource, *, progress: Listener = None) -> FoundImages:
    """Look up the ids of a store among those of a source: once, then the rows are in the cache.

    Ids are compared as text, by a hash of 64 bits; of several images of an id the first counts.
    Nothing but the ids of either is read, and of the source's so many are in memory that 100 MB
    hold them. Raises DataError where no galaxy has an image, or ids are of a kind that loses
    digits.
    """
    both = f"{store.path.resolve()} {source.name}"
    place = hashlib.sha256(both.encode()).hexdigest()[:12]
    recipe = f"{_VERSION} {footers_hash(store.files)} {source.fingerprint}"
    key = hashlib.sha256(recipe.encode()).hexdigest()[:16]
    path = cache_path("images", f"{place}-{key}")
    rows = (load_arrays(path) or {}).get("rows")
    if rows is None or not _are_rows(rows, len(store), len(source)):
        with reporting(progress, len(store), f"looking up ids in {source.name}") as report:
            rows = rows_by_id(store, source.keys(), report)
        save_arrays(path, rows=rows)
        for other in path.parent.glob(f"images-{place}-*"):
            if other != path:  # of the store or the source as they were
                other.unlink(missing_ok=True)
    found = FoundImages(source, rows)
    if not found.count:
        raise DataError(
            f"No galaxy of {store.path.name} has the id of an image of {source.name}: ids are such "
            f"as {store.known_of(np.array([0]))['id'][0]} there and {source.first_id()} here; "
            "choose data with the same ids."
        )
    return found


def _are_rows(rows: np.ndarray, count: int, most: int) -> bool:
    whole = rows.shape == (count,) and rows.dtype == np.int32
    return bool(whole and rows.min() >= -1 and rows.max() < most)

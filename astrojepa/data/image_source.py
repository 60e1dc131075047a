"""Where images of galaxies come from that are known by id: read one by one, when asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from astrojepa.data import DataError
from astrojepa.data.dataset import Dataset
from astrojepa.data.id_keys import id_keys

CHUNK = 65_536  # ids that are looked at together


class ImageSource(Protocol):
    """Images by row, and the ids of all rows."""

    name: str

    def __len__(self) -> int: ...

    @property
    def fingerprint(self) -> str:
        """What changes with the ids, the rows that they are in, or the images."""

    def keys(self) -> Iterator[np.ndarray]:
        """Yield the keys of the ids, uint64 as `id_keys` gives them, in the order of the rows."""

    def first_id(self) -> str:
        """Return the id of the first row, for a sentence."""

    def each(self, rows: Sequence[int]) -> Iterator[tuple[int, np.ndarray | DataError]]:
        """Yield every row once, in any order, with its image as uint8 (H, W, 3), or with what is
        wrong with it. One image at a time is in memory.
        """


@dataclass(frozen=True)
class DatasetImages:
    """The images of a data set."""

    data: Dataset

    def __len__(self) -> int:
        return len(self.data)

    @property
    def name(self) -> str:
        """What a sentence calls them."""
        return self.data.name

    @property
    def fingerprint(self) -> str:
        """Hash of the galaxies and their ids."""
        return f"{self.data.galaxies_hash} {self.data.id_hash}"

    def keys(self) -> Iterator[np.ndarray]:
        """Yield the keys of the ids."""
        import pyarrow as pa

        for first in range(0, len(self.data), CHUNK):
            ids = self.data.ids[first : first + CHUNK]
            yield id_keys(pa.array(ids.astype(object), pa.large_string()), self.name)

    def first_id(self) -> str:
        """Return the id of the first galaxy."""
        return str(self.data.ids[0])

    def each(self, rows: Sequence[int]) -> Iterator[tuple[int, np.ndarray | DataError]]:
        """Yield the images of some rows."""
        for row in dict.fromkeys(rows):
            try:
                found: np.ndarray | DataError = self.data.reader.read(int(self.data.rows[row]))
            except (ValueError, OSError) as error:
                found = DataError(str(error))
            yield row, found

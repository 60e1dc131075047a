"""The one data set class: images from any reader beside arrays of what is known about them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Protocol, runtime_checkable

import numpy as np
import pandas as pd

from astrojepa.data import DataError
from astrojepa.data.missing import known_redshifts
from astrojepa.data.without_images import NoImages
from astrojepa.types import Galaxy


class ImageReader(Protocol):
    """Reads images by row number of the file or folder it stands for.

    One that makes images when they are read may have `prepare(count, progress)`, which is told
    before many are.
    """

    def read(self, row: int) -> np.ndarray:
        """Return one image as uint8 (H, W, 3)."""


@runtime_checkable
class FluxReader(ImageReader, Protocol):
    """Reads the flux of several bands too; `read` returns an RGB image made from it."""

    @property
    def bands(self) -> tuple[str, ...]:
        """The names of the bands, in the order of `flux`."""

    def flux(self, row: int) -> np.ndarray:
        """Return the flux of one image as float32 (H, W, C), finite, in the unit of its source."""


@dataclass(frozen=True)
class Dataset:
    """Galaxy images with labels, ids and coordinates; `data[i]` reads one, `subset` copies none.

    Every array has one entry per galaxy. Unknown labels are -1, unknown numbers NaN.

    Examples:
        >>> data = aj.open_dataset("simulated:60")
        >>> merging = data.subset(np.flatnonzero(data.labels == data.classes.index("Merging")))
        >>> {galaxy.label for galaxy in merging} == {data.classes.index("Merging")}
        True
    """

    name: str
    reader: ImageReader
    rows: np.ndarray  # int64 (n,), row numbers for the reader
    ids: np.ndarray  # str (n,)
    labels: np.ndarray  # int64 (n,)
    classes: tuple[str, ...]
    ra: np.ndarray  # float64 (n,), degrees
    dec: np.ndarray  # float64 (n,), degrees
    redshift: np.ndarray  # float64 (n,)
    source_hash: str  # identifies the file, folder or simulation the rows come from
    split_column: np.ndarray | None = None  # str (n,): train, val or test
    simulated: bool = False
    table: pd.DataFrame = field(default_factory=pd.DataFrame)  # further columns, one row per galaxy
    # unit and description of columns of `table`, where a catalogue says them
    about: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    # files that were asked to be left out because they cannot be read
    skipped: tuple[str, ...] = ()
    # sentences on what was left out of the source, or could not be told from it
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "redshift", known_redshifts(self.redshift))

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Galaxy:
        index = int(index)
        if not -len(self) <= index < len(self):
            raise IndexError(f"{self.name} has {len(self)} galaxies, there is no number {index}")
        label = int(self.labels[index])
        return Galaxy(
            image=self.reader.read(int(self.rows[index])),
            label=None if label < 0 else label,
            id=str(self.ids[index]),
            ra=_known(self.ra[index]),
            dec=_known(self.dec[index]),
            redshift=_known(self.redshift[index]),
        )

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the galaxies, their order and labels (16 hex digits)."""
        digest = hashlib.sha256(self.source_hash.encode())
        for part in (self.rows.tobytes(), self.labels.tobytes(), "\0".join(self.classes).encode()):
            digest.update(part)
        return digest.hexdigest()[:16]

    @cached_property
    def galaxies_hash(self) -> str:
        """Hash of the galaxies and their order, whatever their labels (16 hex digits)."""
        digest = hashlib.sha256(self.source_hash.encode())
        digest.update(self.rows.tobytes())
        return digest.hexdigest()[:16]

    @property
    def bands(self) -> tuple[str, ...]:
        """Names of the bands whose flux is known; none where there are only RGB images."""
        return self.reader.bands if isinstance(self.reader, FluxReader) else ()

    def flux(self, index: int) -> np.ndarray:
        """Return a galaxy's flux, float32 (H, W, C), in the order of `bands`.

        DataError for a data set that was opened without bands.
        """
        if not isinstance(self.reader, FluxReader):
            raise DataError(
                f"{self.name} was opened as RGB images; name the bands to read their flux, e.g. "
                f'bands=("g", "r", "z").'
            )
        return self.reader.flux(int(self.rows[index]))

    @property
    def has_images(self) -> bool:
        """Whether there are images of the galaxies; a file of vectors has none."""
        return not isinstance(self.reader, NoImages)

    @property
    def id_hash(self) -> str:
        """Hash of the set of ids, whatever their order (16 hex digits)."""
        return hashlib.sha256("\0".join(sorted(map(str, self.ids))).encode()).hexdigest()[:16]

    def subset(self, index: Sequence[int] | np.ndarray) -> Dataset:
        """Return the chosen galaxies in the order given; a boolean array is a mask."""
        chosen = np.asarray(index)
        if chosen.dtype == bool:
            chosen = np.flatnonzero(chosen)
        chosen = chosen.astype(np.int64)
        return replace(
            self,
            rows=self.rows[chosen],
            ids=self.ids[chosen],
            labels=self.labels[chosen],
            ra=self.ra[chosen],
            dec=self.dec[chosen],
            redshift=self.redshift[chosen],
            split_column=None if self.split_column is None else self.split_column[chosen],
            table=self.table.iloc[chosen].reset_index(drop=True) if len(self.table) else self.table,
        )


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)

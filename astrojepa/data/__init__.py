"""Galaxies from a file, a folder or the simulator: `open_dataset` is the one door.

Readers are imported when they are needed, so that `import astrojepa` opens nothing and stays fast.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from astrojepa.config import MAX_BANDS
from astrojepa.places import TOP
from astrojepa.wording import OneLineError

if TYPE_CHECKING:
    from astrojepa.data.dataset import Dataset
    from astrojepa.progress import Listener

__all__ = ["DataError", "find_data", "open_dataset"]

GALAXY10_PATH = Path("data") / "Galaxy10_DECals.h5"
DEFAULT_SIMULATED = 1000  # enough to look at, drawn in about 15 s


class DataError(OneLineError):
    """Data that are not as expected; the message says what was expected, found, and what to do.

    Examples:
        >>> try:
        ...     aj.open_dataset("no_such_folder")
        ... except (aj.DataError, FileNotFoundError) as error:
        ...     print("no_such_folder" in str(error))
        True
    """


class PictureError(DataError):
    """One image cannot be shown or embedded; the others can, once it is left out."""


def find_data(explicit: str = "") -> str:
    """Return which data to open: `explicit`, else data/Galaxy10_DECals.h5, else "simulated".

    Raises FileNotFoundError when `explicit` names a path that is missing: an explicit choice is
    never replaced by another.
    """
    if explicit:
        if not is_simulated(explicit):
            _existing(explicit)
        return explicit
    for root in (Path(), TOP):
        if (root / GALAXY10_PATH).is_file():
            return str(root / GALAXY10_PATH)
    return "simulated"


def open_dataset(
    source: str | Path,
    *,
    where: Mapping[str, str] | Sequence[str] | None = None,
    label_column: str | None = None,
    skip_corrupt: bool = False,
    bands: Sequence[str] = (),
    progress: Listener = False,
) -> Dataset:
    """Open a Galaxy10 HDF5 file, a folder of images, or "simulated[:COUNT[:SEED]]" (1000, 0).

    `where` keeps rows of labels.csv, as {"source": "gz1-balanced"} or ["source=gz1-balanced"];
    `label_column` chooses the class column (default `label`, else `morphology`, else unlabelled);
    `skip_corrupt` decodes every image of a folder first and leaves out those that cannot be read,
    listing them in `Dataset.skipped`. `bands`, as ("g", "r", "z"), reads the flux of FITS, HDF5 or
    simulated images too, for models of flux (`Dataset.flux`). `progress` is True for a bar in the
    terminal or a callable (done, total, text).

    Raises FileNotFoundError where `source` is missing, DataError (a ValueError) where its content
    is not as expected.

    Examples:
        >>> data = aj.open_dataset("simulated:60")
        >>> len(data), data[0].image.shape, data.simulated
        (60, (128, 128, 3), True)
        >>> aj.open_dataset("simulated:60", bands=("g", "r", "z")).flux(0).dtype
        dtype('float32')
    """
    from astrojepa.data.readers.registry import Selection, find_reader

    selection = Selection(
        parse_where(where), label_column or None, skip_corrupt, parse_bands(bands)
    )
    if not is_simulated(str(source)):
        _existing(source)
    found = find_reader(str(source))
    if not found.selects and (selection.where or selection.label_column):
        asked = "where" if selection.where else "label_column"
        raise DataError(
            f"{asked} chooses from the labels.csv of a folder of images, and {source} has none; "
            f"leave it out."
        )
    if selection.bands and not found.gives_flux:
        raise DataError(
            f"{source} is {found.name}, whose flux is not read; leave out the bands, or give a "
            f"folder of FITS images or an HDF5 file."
        )
    return found.open(str(source), selection, progress)


def parse_bands(bands: Sequence[str]) -> tuple[str, ...]:
    """Check the names of bands: 1 to 16, each once; a text "g r z" or "g,r,z" is split."""
    names = bands.replace(",", " ").split() if isinstance(bands, str) else list(bands)
    bad = [name for name in names if not isinstance(name, str) or not name or len(name) > 40]
    if bad or len(set(names)) < len(names) or len(names) > MAX_BANDS:
        raise DataError(
            f"bands are up to {MAX_BANDS} names, each once, e.g. g r z; found "
            f"{', '.join(map(str, names))[:100]}."
        )
    return tuple(names)


def parse_where(where: Mapping[str, str] | Sequence[str] | None) -> dict[str, str]:
    """Turn ["column=value", ...] into {column: value}; mappings pass, None is every row."""
    if not where:
        return {}
    if isinstance(where, Mapping):
        return {str(column): str(value) for column, value in where.items()}
    conditions: dict[str, str] = {}
    for text in [where] if isinstance(where, str) else where:
        column, sign, value = str(text).partition("=")
        if not sign or not column.strip():
            raise DataError(f"where is COLUMN=VALUE, e.g. source=gz1-balanced; found {text!r}.")
        if column.strip() in conditions:
            raise DataError(
                f"where names the column {column.strip()!r} twice; a row can have one value only."
            )
        conditions[column.strip()] = value.strip()
    return conditions


def is_simulated(source: str) -> bool:
    """Whether `source` asks for simulated galaxies and names no path."""
    return source == "simulated" or source.startswith("simulated:")


def _existing(source: str | Path) -> Path:
    path = Path(source)
    if not path.exists():
        raise FileNotFoundError(
            f"There is no data at {path}; give an HDF5 file, a folder of images, or "
            f"simulated:COUNT."
        )
    return path

"""Galaxies from a file, a folder or the simulator: `open_dataset` is the one door.

Readers are imported when they are needed, so that `import astrojepa` opens nothing and stays fast.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from astrojepa.places import TOP
from astrojepa.wording import one_line

if TYPE_CHECKING:
    from astrojepa.cache import Progress
    from astrojepa.data.dataset import Dataset

__all__ = ["DataError", "find_data", "open_dataset"]

GALAXY10_PATH = Path("data") / "Galaxy10_DECals.h5"
DEFAULT_SIMULATED = 1000  # enough to look at, drawn in about 15 s
MAX_SIMULATED = 1_000_000
HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"


class DataError(ValueError):
    """Somebody's data is not what it should be; the message says what was expected, what was found and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


class PictureError(DataError):
    """One picture cannot be shown or embedded; the others can, once it is left out."""


def find_data(explicit: str = "") -> str:
    """Say which data to open: `explicit` if given, else data/Galaxy10_DECals.h5 (here, then in the checkout), else "simulated".

    Raises FileNotFoundError when `explicit` names a path that is missing: an explicit choice is never replaced by another.
    """
    if explicit:
        if not _is_simulated(explicit):
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
    progress: bool | Progress = False,
) -> Dataset:
    """Open galaxies from a Galaxy10 HDF5 file, a folder of images, or "simulated[:COUNT[:SEED]]" (1000 galaxies, seed 0).

    `where` keeps rows of labels.csv, as {"source": "gz1-balanced"} or ["source=gz1-balanced"]; `label_column` chooses the class
    column (default `label`, else `morphology`, else unlabelled); `skip_corrupt` decodes every picture of a folder first and
    leaves out those that cannot be read, listing them in `Dataset.skipped`. `progress` is True for a bar in the terminal or a
    callable (done, total, text).

    Raises FileNotFoundError where `source` is missing, DataError (a ValueError) where its content is not as expected.
    """
    conditions = parse_where(where)
    if not _is_simulated(str(source)) and _existing(source).is_dir():
        from astrojepa.data.readers.folder import open_folder

        return open_folder(source, conditions, label_column or None, skip_corrupt, progress)
    if conditions or label_column:
        asked = "--where" if conditions else "--label-column"
        raise DataError(f"{asked} chooses from the labels.csv of a folder of images, and {source} is not a folder; leave it out.")
    if _is_simulated(str(source)):
        from astrojepa.data.simulate.simulator import simulate

        count, seed = _simulated_count(str(source))
        return simulate(count, seed=seed, progress=progress)
    if not _is_hdf5(Path(source)):
        raise DataError(
            f"{source} is neither an HDF5 file nor a folder of images; give Galaxy10_DECals.h5 or the images' folder."
        )
    from astrojepa.data.readers.galaxy10 import open_galaxy10

    return open_galaxy10(source, progress)


def parse_where(where: Mapping[str, str] | Sequence[str] | None) -> dict[str, str]:
    """Turn ["column=value", ...] into {column: value}; a mapping passes through, None and empty mean every row."""
    if not where:
        return {}
    if isinstance(where, Mapping):
        return {str(column): str(value) for column, value in where.items()}
    conditions: dict[str, str] = {}
    for text in [where] if isinstance(where, str) else where:
        column, sign, value = str(text).partition("=")
        if not sign or not column.strip():
            raise DataError(f"--where is COLUMN=VALUE, e.g. source=gz1-balanced; found {text!r}.")
        if column.strip() in conditions:
            raise DataError(f"--where names the column {column.strip()!r} twice; a row can have one value only.")
        conditions[column.strip()] = value.strip()
    return conditions


def _is_simulated(source: str) -> bool:
    return source == "simulated" or source.startswith("simulated:")


def _simulated_count(source: str) -> tuple[int, int]:
    parts = source.split(":")[1:]
    numbers = [int(part) for part in parts if part.isascii() and part.isdecimal() and len(part) < 10]
    if len(numbers) != len(parts) or len(parts) > 2:
        raise DataError(
            f"{source!r} is not simulated[:COUNT[:SEED]] with whole numbers, e.g. simulated:5000 or simulated:5000:7."
        )
    count, seed = (numbers + [DEFAULT_SIMULATED, 0][len(numbers) :])[:2]
    if not 1 <= count <= MAX_SIMULATED:
        raise DataError(f"{source!r} asks for {count} galaxies; the simulator makes 1 to {MAX_SIMULATED:,}.")
    return count, seed


def _existing(source: str | Path) -> Path:
    path = Path(source)
    if not path.exists():
        raise FileNotFoundError(f"There is no data at {path}; give an HDF5 file, a folder of images, or simulated:COUNT.")
    return path


def _is_hdf5(path: Path) -> bool:
    if path.suffix.lower() in (".h5", ".hdf5"):
        return True
    with path.open("rb") as stream:
        return stream.read(len(HDF5_SIGNATURE)) == HDF5_SIGNATURE

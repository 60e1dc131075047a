"""HATS catalogues: folders of Parquet partitions, one per HEALPix pixel of the sky.

LSDB reads and writes them; many surveys and the Multimodal Universe are published so.

*Source:* HATS 1.0, the IVOA note of the LINCC Frameworks team, https://hats.readthedocs.io.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path

from astrojepa.data import DataError

MAX_BYTES = 2**24  # of a file about a catalogue
COLLECTION = "collection.properties"
PROPERTIES = ("hats.properties", "properties")
PARTITIONS = "partition_info.csv"
PLACE = re.compile(r"Norder=(\d+)/Dir=\d+/Npix=(\d+)(\.parquet|/[^/]+\.parquet)")


def is_hats(path: str | Path) -> bool:
    """Whether a folder is a HATS catalogue, or a collection of one and its margins."""
    folder = Path(path)
    return (folder / COLLECTION).is_file() or (
        (folder / "dataset").is_dir() and any((folder / name).is_file() for name in PROPERTIES)
    )


def hats_files(path: str | Path) -> list[Path]:
    """Return the partitions of a catalogue, by order and pixel; of a collection, those of its
    primary table.

    Raises DataError where there is none, where one is missing that the catalogue lists, or where
    what it says of itself cannot be read.
    """
    folder = primary_table(Path(path))
    places = {
        match: found
        for found in (folder / "dataset").rglob("*.parquet")
        if (match := PLACE.fullmatch(found.relative_to(folder / "dataset").as_posix()))
    }
    files = {(int(match[1]), int(match[2]), match[3]): found for match, found in places.items()}
    missing = _listed(folder) - {(order, pixel) for order, pixel, _ in files}
    if missing:
        order, pixel = min(missing)
        raise DataError(
            f"{folder} lacks {len(missing):,} of the partitions that its {PARTITIONS} lists, such "
            f"as Norder={order}, Npix={pixel}; fetch it again."
        )
    if not files:
        raise DataError(f"{folder} is a HATS catalogue without partitions; fetch it again.")
    return [files[key] for key in sorted(files)]


def primary_table(folder: Path) -> Path:
    """Return the folder of the catalogue itself, which a collection names."""
    if not (folder / COLLECTION).is_file():
        return folder
    name = read_properties(folder / COLLECTION).get("hats_primary_table_url", "")
    table = folder / name
    if not name or table.parent != folder or not is_hats(table):
        raise DataError(
            f"{folder / COLLECTION} names the table {name!r}, which is no catalogue in its folder; "
            "fetch it again, or name the catalogue."
        )
    return table


def read_properties(path: Path) -> dict[str, str]:
    """Read lines of key=value; # begins a comment."""
    pairs = (line.partition("=") for line in _text(path).splitlines() if line[:1] not in ("#", "!"))
    return {key.strip(): value.strip() for key, sign, value in pairs if sign}


def _listed(folder: Path) -> set[tuple[int, int]]:
    """Return order and pixel of the partitions that a catalogue should have, where it says so."""
    path = folder / PARTITIONS
    if not path.is_file():
        return set()
    try:
        return {
            (int(row["Norder"]), int(row["Npix"]))
            for row in csv.DictReader(_text(path).splitlines())
        }
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path} is no list of partitions; fetch it again.") from error


def _text(path: Path) -> str:
    if path.stat().st_size > MAX_BYTES:
        raise DataError(f"{path} has more than {MAX_BYTES:,} bytes; it is no file of HATS.")
    return path.read_text(encoding="utf-8", errors="replace")

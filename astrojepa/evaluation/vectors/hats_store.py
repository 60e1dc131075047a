"""A store of vectors written as a HATS catalogue, which LSDB opens and matches with surveys."""

from __future__ import annotations

import csv
import functools
import io
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

import astrojepa
from astrojepa.data.hats import PARTITIONS, PROPERTIES
from astrojepa.data.sky import healpix
from astrojepa.evaluation.vectors.sorted_store import MOST_PARTITIONS, write_parts
from astrojepa.evaluation.vectors.store import Store
from astrojepa.files import temporary_folder
from astrojepa.progress import Listener

INDEX = "_healpix_29"  # the column of pixels that partitions are sorted by
ORDER = 29
DEEPEST = 10  # order of the smallest partitions
PARTITION = 1_000_000  # galaxies of a partition, at most


@dataclass(frozen=True)
class Written:
    """What `write_hats` wrote."""

    galaxies: int
    left_out: int  # those without a position
    partitions: int
    order: int  # of the smallest partition


def write_hats(
    store: Store,
    path: str | Path,
    *,
    half: bool = True,
    partition: int = PARTITION,
    progress: Listener = None,
) -> Written:
    """Write all columns of a store with positions (degrees, ICRS) as a HATS catalogue.

    A pixel with more than `partition` galaxies is divided into four, down to order 10; partitions
    grow where there would be more than 400. `half` writes vectors as float16, which takes half the
    disk of float32. Galaxies without a position are left out and counted. The folder is there whole
    or not at all.

    Raises FileExistsError where there is something at `path`; ValueError for a store without
    positions, or where astropy-healpix is not installed.
    """
    path = Path(path)
    if path.exists():
        raise FileExistsError(f"{path} exists already; name a new folder for the catalogue.")
    pixels = _pixels(store)
    placed = np.flatnonzero(pixels >= 0)
    order = placed[np.argsort(pixels[placed], kind="stable")]
    rank = np.full(len(store), -1, np.int64)
    rank[order] = np.arange(len(order))
    while len(parts := divided(pixels[order], partition)) > MOST_PARTITIONS:
        partition *= 2
    names = [f"Norder={o}/Dir={p // 10_000 * 10_000}/Npix={p}.parquet" for o, p, _ in parts]
    cuts = np.cumsum([0, *(count for _, _, count in parts)])
    with temporary_folder(path.parent, path.name) as made:
        change = functools.partial(_schema, vector=store.layouts[0].vector, half=half)
        footers = write_parts(
            store, rank, cuts, names, {INDEX: pixels}, made, {}, change=change, progress=progress
        )
        (made / "store").rename(made / "dataset")
        _describe(made / "dataset", names, footers)
        _say(made, parts, _facts(store, path.name, parts, partition))
        whole = made / "whole"
        whole.mkdir()
        for item in ("dataset", PARTITIONS, *PROPERTIES):
            (made / item).rename(whole / item)
        whole.rename(path)
    return Written(len(order), len(store) - len(order), len(parts), max(o for o, _, _ in parts))


def divided(pixels: np.ndarray, most: int) -> list[tuple[int, int, int]]:
    """Divide sorted pixels of order 29, int64 (n,), into (order, pixel, count) along the sky.

    Each part has at most `most` galaxies, or is of order 10.

    Examples:
        >>> divided(np.array([0, 1, 4**29 * 3]), 2)
        [(0, 0, 2), (0, 3, 1)]
        >>> divided(np.array([0, 4**28]), 1)
        [(1, 0, 1), (1, 1, 1)]
    """
    found, waiting = [], [(0, pixel) for pixel in reversed(range(12))]
    while waiting:
        order, pixel = waiting.pop()
        size = 4 ** (ORDER - order)
        first, last = np.searchsorted(pixels, [pixel * size, (pixel + 1) * size])
        if last - first > most and order < DEEPEST:
            waiting += [(order + 1, 4 * pixel + quarter) for quarter in (3, 2, 1, 0)]
        elif last > first:
            found.append((order, pixel, int(last - first)))
    return found


def _facts(
    store: Store, name: str, parts: list[tuple[int, int, int]], partition: int
) -> dict[str, str]:
    """What the catalogue says of itself."""
    known = store.layouts[0].known
    return {
        "obs_collection": name,
        "dataproduct_type": "object",
        "hats_nrows": str(sum(count for _, _, count in parts)),
        "hats_col_ra": known["ra"],
        "hats_col_dec": known["dec"],
        "hats_col_healpix": INDEX,
        "hats_col_healpix_order": str(ORDER),
        "hats_npix_suffix": ".parquet",
        "hats_max_rows": str(partition),
        "hats_order": str(max(order for order, _, _ in parts)),
        "hats_builder": f"AstroJEPA {astrojepa.__version__}",
        "hats_creation_date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%MUTC"),
        "hats_version": "v1.0",
        **{f"astrojepa_{key}": value for key, value in store.facts.items()},
    }


def _pixels(store: Store) -> np.ndarray:
    """Return the pixel of each galaxy at order 29, nested; -1 without a position."""
    angles = [store.known(name) for name in ("ra", "dec")]
    ra, dec = (np.array([], float) if found is None else found.astype(float) for found in angles)
    placed = np.isfinite(ra) & np.isfinite(dec) & (np.abs(dec) <= 90) if ra.size == dec.size else []
    if not np.any(placed):
        raise ValueError(
            f"{store.path.name} has no positions, and HATS divides the sky; add columns ra and "
            "dec, in degrees."
        )
    pixels = np.full(len(store), -1, np.int64)
    pixels[placed] = healpix(ra[placed], dec[placed], ORDER)
    return pixels


def _schema(schema: pa.Schema, vector: str, half: bool) -> pa.Schema:
    """The pixel comes first; vectors are float16 if they shall."""
    fields = [schema.field(INDEX), *(item for item in schema if item.name != INDEX)]
    if half:
        fields = [
            pa.field(item.name, pa.list_(pa.float16())) if item.name == vector else item
            for item in fields
        ]
    return pa.schema(fields, schema.metadata)


def _describe(folder: Path, names: list[str], footers: list[parquet.FileMetaData]) -> None:
    """Write the footers of all partitions into one file, as readers of HATS expect it."""
    for name, footer in zip(names, footers, strict=True):
        footer.set_file_path(name)
    schema = footers[0].schema.to_arrow_schema()
    parquet.write_metadata(schema, folder / "_common_metadata")
    parquet.write_metadata(schema, folder / "_metadata", metadata_collector=footers)


def _say(folder: Path, parts: list[tuple[int, int, int]], facts: dict[str, str]) -> None:
    """Write which partitions there are, and what the catalogue is."""
    text = "".join(f"{key}={value}\n" for key, value in facts.items())
    for name in PROPERTIES:  # the second is what older readers look for
        (folder / name).write_text(f"#HATS catalog\n{text}", encoding="utf-8")
    listed = io.StringIO()
    writer = csv.writer(listed, lineterminator="\n")
    writer.writerows([("Norder", "Npix"), *((order, pixel) for order, pixel, _ in parts)])
    (folder / PARTITIONS).write_text(listed.getvalue(), encoding="utf-8")

"""Which images of a reader can be read."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from astrojepa.data import DataError
from astrojepa.progress import Listener, reporting

if TYPE_CHECKING:
    from astrojepa.data.readers.folder import FolderReader
    from astrojepa.data.readers.parquet import RowReader


def readable_rows(
    reader: FolderReader | RowReader, rows: np.ndarray, progress: Listener
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Decode every image; return readable rows and the names of unreadable ones."""

    def is_readable(row: int) -> bool:
        try:
            reader.read(row)
        except DataError:
            return False
        return True

    good = np.zeros(len(rows), dtype=bool)
    with ThreadPoolExecutor(2) as pool, reporting(progress, len(rows), "checking images") as report:
        for done, whole in enumerate(pool.map(is_readable, rows.tolist(), chunksize=64)):
            good[done] = whole
            report(done + 1)
    if not good.any():
        raise DataError(
            f"None of the {len(rows)} images in {reader.root} can be read; are they JPEG, PNG or "
            f"FITS?"
        )
    return rows[good], tuple(reader.files[row] for row in rows[~good])

"""A smaller copy of a data set for training: reduced images, every column."""

from __future__ import annotations

import csv
import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from astrojepa.data import DataError
from astrojepa.data.crops import resize_frame
from astrojepa.data.dataset import Dataset
from astrojepa.data.splits import default_split
from astrojepa.files import naming, temporary_folder
from astrojepa.progress import Listener, reporting

# how an image is encoded, and the quality of it: 160 pixels take about 6 kB as JPEG, 1.3 as WebP
FORMATS: dict[str, dict[str, Any]] = {
    "jpeg": {"format": "JPEG", "quality": 92, "subsampling": 0},
    "webp": {"format": "WEBP", "quality": 80, "method": 6},
}
PER_FOLDER = 1000  # images; places that share files refuse folders of more than 10,000


def pack(
    data: Dataset,
    folder: str | Path,
    size: int = 160,
    *,
    format: str = "jpeg",
    quality: int | None = None,
    progress: Listener = False,
) -> Path:
    """Write `data` as a new folder with labels.csv and images of at most `size` pixels a side,
    "jpeg" or "webp" of a `quality` from 1 to 100 (default 92 and 80), and return it.

    The central square of each image is kept; smaller ones are not enlarged. labels.csv holds
    `file`, `id`, `label`, `ra`, `dec` (degrees), `redshift`, `split` and every further column.
    Without a split column the default split is written down, since it follows from ids and labels
    that a part of the pack would not have. Written beside `folder` and renamed, so that half a pack
    never stands under its name.

    Raises DataError for simulated galaxies, which would pass for real ones, or an image that
    cannot be read; ValueError for a size outside 16 to 1024, a quality outside 1 to 100 or another
    format; FileExistsError where `folder` exists.
    """
    folder = Path(folder)
    if data.simulated:
        raise DataError(
            "Simulated galaxies are not packed, they would pass for real ones; any machine draws "
            "them."
        )
    if not 16 <= size <= 1024:
        raise ValueError(f"size is {size}; choose 16 to 1024 pixels.")
    if format not in FORMATS:
        raise ValueError(f"There is no format {format!r}; choose {' or '.join(FORMATS)}.")
    encoding = FORMATS[format] | ({} if quality is None else {"quality": quality})
    if not 1 <= encoding["quality"] <= 100:
        raise ValueError(f"quality is {quality}; choose 1 to 100.")
    if folder.exists():
        raise FileExistsError(f"{folder} exists already; name a new folder.")
    with temporary_folder(folder.parent, folder.name) as made, naming(folder):
        table = _table(data, ".jpg" if format == "jpeg" else f".{format}")
        _write_pictures(data, made, table["file"].tolist(), size, encoding, progress)
        (made / "labels.csv").write_text(_csv(table), encoding="utf-8")
        made.chmod(0o755)
        made.rename(folder)
    return folder


def _table(data: Dataset, suffix: str) -> pd.DataFrame:
    """Return the rows of labels.csv as text; unknown values are empty."""
    columns = {
        "file": [f"images/{row // PER_FOLDER:03d}/{row:06d}{suffix}" for row in range(len(data))],
        "id": data.ids.astype(str),
        "label": np.array([*data.classes, ""])[data.labels],  # -1 is the last
        **{name: _numbers(getattr(data, name)) for name in ("ra", "dec", "redshift")},
        "split": _split(data),
    }
    further = {
        name: data.table[name].astype(str) for name in data.table.columns if name not in columns
    }
    return pd.DataFrame(columns | {name: values.to_numpy() for name, values in further.items()})


def _split(data: Dataset) -> np.ndarray:
    if data.split_column is not None:
        return data.split_column
    places = {int(row): place for place, row in enumerate(data.rows)}
    found = np.full(len(data), "", dtype="<U5")
    for name, part in zip(("train", "val", "test"), default_split(data), strict=True):
        found[[places[int(row)] for row in part.rows]] = name
    return found


def _numbers(values: np.ndarray) -> list[str]:
    return ["" if np.isnan(value) else repr(float(value)) for value in values]


def _csv(table: pd.DataFrame) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.columns)
    writer.writerows(table.itertuples(index=False))
    return text.getvalue()


def _write_pictures(
    data: Dataset,
    folder: Path,
    files: list[str],
    size: int,
    encoding: dict[str, Any],
    progress: Listener,
) -> None:
    def write(place: int) -> None:
        image = data.reader.read(int(data.rows[place]))
        small = resize_frame(image, min(size, *image.shape[:2]))
        Image.fromarray(small).save(folder / files[place], **encoding)

    for below in sorted({Path(name).parent for name in files}):
        (folder / below).mkdir(parents=True)
    with (
        ThreadPoolExecutor(2) as pool,
        reporting(progress, len(data), f"packing {data.name}") as report,
    ):
        for done, _ in enumerate(pool.map(write, range(len(data)), chunksize=64), 1):
            report(done)

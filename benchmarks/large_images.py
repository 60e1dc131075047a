"""What images of a store of millions cost the server, as JSON: python -m benchmarks.large_images.

Each step is what the page calls; milliseconds of the clock and of the processor, without Streamlit
and the browser. Images are drawn by the simulator, and found by id in Parquet files.
"""

from __future__ import annotations

import argparse
import resource
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from app.server.pictures import as_sheet, inline, offer_large, tiles
from astrojepa.data.parquet_images import ParquetImages
from astrojepa.evaluation.vectors.store import Store, open_store
from astrojepa.evaluation.vectors.store_images import DrawnImages, StoreImages, find_images
from astrojepa.evaluation.vectors.store_index import StoreIndex, open_index
from benchmarks.large_map import repeated, timed
from benchmarks.measure import machine, write

CLICKS, PAGES = 100, 20
NEIGHBOURS, PER_PAGE = 6, 24


def measure(path: str, source: str) -> dict[str, Any]:
    """Measure one store and one source of images."""
    store = open_store(path)
    images, opening = timed(lambda: ParquetImages(source))
    found, looking = timed(lambda: find_images(store, images))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    again = timed(lambda: find_images(store, ParquetImages(source)))[1]
    index = open_index(store)
    return {
        "count": len(store),
        "images": len(images),
        "with_image": found.count,
        "open_source": opening,
        "look_up": looking,
        "look_up_peak_mb": round(peak),
        "look_up_again": again,
        "found": shown(store, index, found, "found"),
        "drawn": shown(store, index, DrawnImages(store), "drawn"),
    }


def shown(store: Store, index: StoreIndex, images: StoreImages, key: str) -> dict[str, Any]:
    """Measure clicks (columns, image, neighbours and their images) and pages of a gallery."""
    offer_large(key, images)
    generator = np.random.default_rng(1)

    def click(row: int) -> None:
        store.table_of(np.array([row]))
        ((_, image),) = images.each([row])
        assert isinstance(image, np.ndarray)
        inline(image)
        _, near = index.nearest(np.array([row]), NEIGHBOURS)
        store.known_of(near[0])
        as_sheet(tiles(key, near[0].tolist(), 96))

    def page(rows: np.ndarray) -> None:
        store.table_of(rows)
        as_sheet(tiles(key, rows.tolist(), 96))

    rows = generator.integers(0, len(store), CLICKS).tolist()
    firsts = generator.integers(0, len(store) - PER_PAGE, PAGES).tolist()
    clicks: list[Callable[[], Any]] = [partial(click, row) for row in rows]
    pages: list[Callable[[], Any]] = [
        partial(page, np.arange(first, first + PER_PAGE)) for first in firsts
    ]
    return {"click": repeated(clicks), "gallery": repeated(pages)}


def main() -> None:
    """Measure the store and the images that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", help="folder that astrojepa simulate-store wrote")
    parser.add_argument("images", help="Parquet files with object_id and encoded images")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/large_images.json"))
    given = parser.parse_args()
    measured = measure(given.store, given.images)
    write(given.out, {"machine": machine(), "threads": 1, **measured})


if __name__ == "__main__":
    main()

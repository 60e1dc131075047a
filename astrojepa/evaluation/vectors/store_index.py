"""The index of a store on disk: made once, mapped into memory, made again where the store changed.

It lies in the cache, in a folder whose name holds the place of the store and the hash of its every
byte: features.f16 (standardised features, float16, row by row), lists.faiss, scaling.npy (shift and
factor of each feature) and index.json (what these are, with their sizes).
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from astrojepa.cache import cache_path
from astrojepa.evaluation.vectors.neighbour_index import (
    LISTS_PER_ROOT,
    TRAINING,
    Lists,
    NeighbourIndex,
    build_index,
    check_available,
)
from astrojepa.evaluation.vectors.neighbours import without_own
from astrojepa.evaluation.vectors.standardise import scaling_of
from astrojepa.evaluation.vectors.store import Store
from astrojepa.files import read_json, temporary_folder, write_json
from astrojepa.progress import Listener, reporting

_VERSION = 1  # part of the key; raise it when the index changes
FEATURES, LISTS, SCALING, FACTS = "features.f16", "lists.faiss", "scaling.npy", "index.json"
_CHUNK = 16_384  # rows searched together


@dataclass(frozen=True)
class StoreIndex:
    """Neighbours among the galaxies of a store, by row."""

    index: NeighbourIndex
    folder: Path
    shift: np.ndarray  # float32 (D,): x becomes (x - shift) * factor
    factor: np.ndarray  # float32 (D,)

    def __len__(self) -> int:
        return len(self.index.features)

    def nearest(self, rows: np.ndarray, k: int) -> Lists:
        """Return distances float32 and rows int64, (q, k), of the k nearest of some galaxies.

        Distances are in standard deviations, as those of `neighbours`. The galaxy itself is left
        out; k is lowered to the number of others.
        """
        rows, k = np.asarray(rows, np.int64), min(k, len(self) - 1)
        distances, indices = self.index.search(self.index.features[rows], k + 1)
        return without_own(distances, indices, rows)

    def distances(self, row: int, rows: np.ndarray) -> np.ndarray:
        """Return the distances of some galaxies from one, exact but for float16: float32 (q,)."""
        features, found = self.index.features, np.empty(len(rows), np.float32)
        own = features[row].astype(np.float32)
        for first in range(0, len(rows), _CHUNK):
            here = slice(first, first + _CHUNK)
            found[here] = np.linalg.norm(features[rows[here]].astype(np.float32) - own, axis=1)
        return found

    def all_nearest(self, k: int, *, progress: Listener = None) -> Lists:
        """Return those of every galaxy: float32 and int32, (n, k)."""
        k = min(k, len(self) - 1)
        distances = np.empty((len(self), k), np.float32)
        indices = np.empty((len(self), k), np.int32)
        with reporting(progress, len(self), "neighbours") as report:
            for first in range(0, len(self), _CHUNK):
                rows = np.arange(first, min(first + _CHUNK, len(self)))
                distances[rows], indices[rows] = self.nearest(rows, k)
                report(int(rows[-1]) + 1)
        return distances, indices


def open_index(store: Store, *, progress: Listener = None) -> StoreIndex:
    """Open the index of a store; it is built where there is none, or where the store has changed.

    Raises ValueError where faiss is not installed, a vector is not finite or an id occurs twice,
    OSError where the cache has no room.
    """
    check_available()
    place = hashlib.sha256(str(store.path.resolve()).encode()).hexdigest()[:12]
    recipe = f"{_VERSION} {LISTS_PER_ROOT} {TRAINING} {store.hash}"
    key = hashlib.sha256(recipe.encode()).hexdigest()[:16]
    folder = cache_path("neighbours", f"{place}-{key}", "")
    if not _is_whole(folder, store):
        shutil.rmtree(folder, ignore_errors=True)
        _build(store, folder, progress)
        for other in folder.parent.glob(f"neighbours-{place}-*"):
            if other != folder:  # of the store as it was
                shutil.rmtree(other, ignore_errors=True)
    return _opened(folder, store)


def _opened(folder: Path, store: Store) -> StoreIndex:
    import faiss

    lists = faiss.read_index(str(folder / LISTS), faiss.IO_FLAG_MMAP | faiss.IO_FLAG_READ_ONLY)
    shape = (len(store), store.width)
    features = np.memmap(folder / FEATURES, np.float16, mode="r", shape=shape)
    shift, factor = np.load(folder / SCALING, allow_pickle=False)
    return StoreIndex(NeighbourIndex(lists, features), folder, shift, factor)


def _is_whole(folder: Path, store: Store) -> bool:
    """Whether an index is there, of this size, and none of its files was cut short."""
    try:
        facts = read_json(folder / FACTS)
        sizes = {name: (folder / name).stat().st_size for name in (FEATURES, LISTS, SCALING)}
    except (OSError, ValueError):
        return False
    return facts == {"count": len(store), "width": store.width, "bytes": sizes}


def _build(store: Store, folder: Path, progress: Listener) -> None:
    store.check_ids()
    count, width = len(store), store.width
    needed = count * (3 * width + 8)  # three bytes a number, and the row of each vector in its list
    folder.parent.mkdir(parents=True, exist_ok=True)
    if (free := shutil.disk_usage(folder.parent).free) < needed:
        raise OSError(
            f"The index of {store.path} takes {needed / 1e9:.1f} GB and {folder.parent} has "
            f"{free / 1e9:.1f} GB free; make room, or name another folder in ASTROJEPA_CACHE."
        )
    with (
        temporary_folder(folder.parent, folder.name) as made,
        reporting(progress, 4 * count, "index of neighbours") as report,
    ):
        scaling = scaling_of(_reported(store, report))
        np.save(made / SCALING, np.stack(scaling))
        _write_features(store, made / FEATURES, *scaling, lambda done: report(count + done))
        _write_lists(made, (count, width), lambda done: report(2 * count + done))
        sizes = {name: (made / name).stat().st_size for name in (FEATURES, LISTS, SCALING)}
        write_json(made / FACTS, {"count": count, "width": width, "bytes": sizes})
        with contextlib.suppress(OSError):  # another process was quicker
            made.rename(folder)


def _reported(store: Store, report: Callable[[int], None]) -> Iterator[np.ndarray]:
    for first, batch in store.batches():
        yield batch
        report(first + len(batch))


def _write_features(
    store: Store, path: Path, shift: np.ndarray, factor: np.ndarray, report: Callable[[int], None]
) -> None:
    """Write the standardised vectors, float16, row by row."""
    with path.open("wb") as stream:
        for first, batch in store.batches():
            ((batch - shift) * factor).astype(np.float16).tofile(stream)
            report(first + len(batch))


def _write_lists(made: Path, shape: tuple[int, int], report: Callable[[int], None]) -> None:
    import faiss

    features = np.memmap(made / FEATURES, np.float16, mode="r", shape=shape)
    faiss.write_index(build_index(features, report=report).lists, str(made / LISTS))

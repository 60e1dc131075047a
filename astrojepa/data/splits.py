"""Train, validation and test parts in which no galaxy appears twice."""

from __future__ import annotations

import hashlib
import math
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from astrojepa.cache import cache_path, load_arrays, save_arrays
from astrojepa.data import DataError
from astrojepa.data.dataset import Dataset
from astrojepa.data.frames import THREADS, pictures_hash

SAME_OBJECT_ARCSEC = 60.0
TRAIN_END, VAL_END = 0.8, 0.9  # 80 / 10 / 10 %
PARTS = ("train", "val", "test")
Split = tuple[Dataset, Dataset, Dataset]  # train, validation and test
_PART = 512  # images that one thread reads at once


def split(data: Dataset, kind: str = "grouped", seed: int = 42) -> Split:
    """Divide galaxies into (train, val, test), each in the order of `data`.

    "grouped": 80 / 10 / 10 %, stratified by label. Galaxies that are the same object, or blend into
    one another's cutouts, stay
        together: chains of neighbours within 60 arcsec, equal ids, and equal images.
    "column": the `split` column of labels.csv, with the values train, val and test.
    "seed42": 90 / 10 % at random, as scikit-learn's train_test_split(test_size=0.1,
    random_state=42) in the published code, in
        its order; val is the last ninth of the 90 %. `seed` is not used. Duplicates leak here: for
        comparisons only.

    "grouped" and "column" do not depend on the order of the rows. Raises DataError for a missing or
    unusable split column.

    Examples:
        >>> train, val, test = aj.split(aj.open_dataset("simulated:60"), "grouped", seed=42)
        >>> len(train) + len(val) + len(test)
        60
    """
    if kind == "grouped":
        chosen = _grouped(data, seed)
    elif kind == "column":
        chosen = _column(data)
    elif kind == "seed42":
        return _seed42(data)
    else:
        raise ValueError(f"There is no split {kind!r}; choose grouped, column or seed42.")
    train, val, test = (data.subset(np.flatnonzero(chosen == part)) for part in range(3))
    return train, val, test


def split_name(data: Dataset) -> str:
    """Name the default split: "column" where the data bring one, else "grouped"."""
    return "grouped" if data.split_column is None else "column"


def default_split(data: Dataset, seed: int = 42) -> Split:
    """Divide galaxies as the data's own split column says, or by groups where there is none."""
    return split(data, split_name(data), seed)


def same_object_groups(data: Dataset) -> np.ndarray:
    """Number the groups of galaxies that must not be separated: int64 (n,), equal within a group.

    A group is a connected component of "within 60 arcsec of each other", "has the same id" and
    "has the same pixels" (`equal_pictures`).
    """
    pairs = [_equal_pairs(np.unique(data.ids, return_inverse=True)[1])]
    pairs.append(_equal_pairs(equal_pictures(data)))
    pairs.append(close_links(data, SAME_OBJECT_ARCSEC))
    return linked_groups(len(data), np.concatenate(pairs))


def linked_groups(count: int, pairs: np.ndarray) -> np.ndarray:
    """Number the components of `count` galaxies linked by int (m, 2): int64 (count,)."""
    graph = coo_array(
        (np.ones(len(pairs), dtype=np.int8), (pairs[:, 0], pairs[:, 1])), shape=(count, count)
    )
    return connected_components(graph, directed=False)[1].astype(np.int64)


def close_links(data: Dataset, arcsec: float) -> np.ndarray:
    """Link galaxies within `arcsec`: rows int64 (m, 2) that connect each group."""
    placed, unit = directions(data)
    places, first, place = np.unique(unit, axis=0, return_index=True, return_inverse=True)
    equal = np.stack((first[place.reshape(-1)], np.arange(len(unit))), axis=1)
    near = first[cKDTree(places).query_pairs(chord(arcsec), output_type="ndarray")]
    return placed[np.concatenate((equal, near))]


def directions(data: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows with coordinates, int64 (m,), and their directions, float64 (m, 3)."""
    placed = np.flatnonzero(np.isfinite(data.ra) & np.isfinite(data.dec))
    ra, dec = np.radians(data.ra[placed]), np.radians(data.dec[placed])
    return placed, np.stack(
        (np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)), axis=1
    )


def chord(arcsec: float) -> float:
    """Return the distance of two directions so far apart, and a rounding error more."""
    return 2 * math.sin(math.radians(arcsec / 3600) / 2) * (1 + 1e-9)


def equal_pictures(data: Dataset) -> np.ndarray:
    """Number the images by their pixels: int64 (n,), equal where all pixels are.

    An image of one colour, or one that cannot be read, equals none. Simulated galaxies are not
    drawn for it: their ids tell. Without images none are equal. Each image is read once and its
    hash kept, about 1 ms for a JPEG of 256 pixels.
    """
    if data.simulated or not data.has_images:
        return np.arange(len(data))
    path = cache_path("pixels", pictures_hash(data))
    kept = load_arrays(path) or {}
    hashes = kept.get("hashes")
    if hashes is None or hashes.shape != (len(data),) or hashes.dtype != np.dtype("S32"):
        hashes = np.array(_hashes(data.reader, data.rows.tolist()), dtype="S32")
        save_arrays(path, hashes=hashes)
    numbers = np.unique(hashes, return_inverse=True)[1].reshape(-1)
    alone = np.flatnonzero(hashes == b"")
    numbers[alone] = len(data) + np.arange(len(alone))
    return numbers


def _hashes(reader: Any, rows: list[int]) -> list[bytes]:
    def of_part(part: list[int]) -> list[bytes]:
        if hasattr(reader, "of_rows"):
            found = {row: _hash(image) for row, image in reader.of_rows(part)}
            return [found[row] for row in part]
        return [_hash(_read(reader, row)) for row in part]

    with ThreadPoolExecutor(THREADS) as pool:
        parts = (rows[first : first + _PART] for first in range(0, len(rows), _PART))
        return [one for found in pool.map(of_part, parts) for one in found]


def _read(reader: Any, row: int) -> np.ndarray | DataError:
    try:
        found: np.ndarray = reader.read(row)
    except DataError as error:
        return error
    return found


def _hash(picture: object) -> bytes:
    if not isinstance(picture, np.ndarray) or (picture == picture[0, 0]).all():
        return b""
    content = str(picture.shape).encode() + picture.tobytes()
    return hashlib.sha256(content).hexdigest()[:32].encode()


def _equal_pairs(numbers: np.ndarray) -> np.ndarray:
    """Link each row to the next row with the same number: int64 (m, 2)."""
    order = np.argsort(numbers, kind="stable")
    equal = numbers[order[1:]] == numbers[order[:-1]]
    return np.stack((order[:-1][equal], order[1:][equal]), axis=1)


def _grouped(data: Dataset, seed: int) -> np.ndarray:
    """Order the groups of each label by a hash of seed and ids; cut at 80 and 90 % of the galaxies.

    A group belongs to the label that most of its members have (the smallest on a tie) and goes
    where its middle falls.
    """
    ids, labels = data.ids.tolist(), data.labels.tolist()
    members: dict[int, list[int]] = {}
    for row, group in enumerate(same_object_groups(data).tolist()):
        members.setdefault(group, []).append(row)
    strata: dict[int, list[tuple[str, list[int]]]] = {}
    for rows in members.values():
        own = [labels[row] for row in rows]
        rank = hashlib.sha256(
            "\0".join([str(seed), *sorted(ids[row] for row in rows)]).encode()
        ).hexdigest()
        strata.setdefault(max(sorted(set(own)), key=own.count), []).append((rank, rows))
    part = np.empty(len(data), dtype=np.int64)
    for groups in strata.values():
        groups.sort(key=lambda item: item[0])
        total, before = sum(len(rows) for _, rows in groups), 0
        for _, rows in groups:
            middle = (before + len(rows) / 2) / total
            part[rows] = 0 if middle < TRAIN_END else 1 if middle < VAL_END else 2
            before += len(rows)
    return part


def _column(data: Dataset) -> np.ndarray:
    if data.split_column is None:
        raise DataError(
            f"{data.name} has no split column; choose the split grouped, or add a column 'split' "
            f"to labels.csv."
        )
    other = sorted(set(data.split_column.tolist()) - set(PARTS))
    if other:
        count = int((~np.isin(data.split_column, PARTS)).sum())
        raise DataError(
            f"The split column of {data.name} must say train, val or test; {count} rows say "
            f"{', '.join(map(repr, other[:4]))}."
        )
    return np.array([PARTS.index(value) for value in data.split_column.tolist()], dtype=np.int64)


def _seed42(data: Dataset) -> Split:
    # The legacy generator is what scikit-learn uses for an integer random_state, and what published
    # numbers rest on.
    order = np.random.RandomState(42).permutation(len(data))
    num_test = math.ceil(0.1 * len(data))
    test, rest = order[:num_test], order[num_test:]
    num_val = len(rest) // 9
    cut = len(rest) - num_val
    return data.subset(rest[:cut]), data.subset(rest[cut:]), data.subset(test)

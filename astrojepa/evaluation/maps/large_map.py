"""A map of millions of galaxies, of which only those in sight are worked on."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from astrojepa.data.filters import matching
from astrojepa.data.values import Numbers, Values
from astrojepa.evaluation.maps.plane import COLUMNS, PLACES, UNITS, points_in_polygon
from astrojepa.evaluation.vectors.neighbour_index import LARGE
from astrojepa.evaluation.vectors.neighbours import without_own
from astrojepa.evaluation.vectors.standardise import scaling_of
from astrojepa.evaluation.vectors.store import Store

DRAWN = 50_000  # galaxies of a box that are given one by one, at most
CELLS = (288, 384)  # of a density image: down, across
_BLOCK = 8192  # galaxies whose bounds are known; neighbours on the map where the store is sorted
SAMPLED = 1_000_000  # galaxies that a density image is made from, at most

Box = tuple[float, float, float, float]  # low x and y, high x and y, in units of the map
WHOLE: Box = (0.0, 0.0, UNITS, UNITS)


@dataclass(frozen=True)
class Tile:
    """What is in a box: galaxies where they are few, else how many there are in each cell."""

    box: Box
    count: int  # galaxies in the box that are shown
    rows: np.ndarray  # int64 (m,), empty where there are more than DRAWN
    cells: np.ndarray | None = None  # uint32 (CELLS), from the lowest y up
    codes: np.ndarray | None = None  # uint8 (CELLS): the colour of each cell
    step: int = 1  # one in so many galaxies was counted


@dataclass
class LargeMap:
    """Places of all galaxies of a store, and what can be asked of them."""

    store: Store
    places: np.ndarray  # float32 (n, 2), in units of the map, 0 to UNITS
    bounds: np.ndarray  # float32 (b, 4): low x and y, high x and y of each block
    kept: dict[str, Values] = field(default_factory=dict)  # the column that was read last

    def __len__(self) -> int:
        return len(self.places)

    def tile(
        self, box: Box, shown: np.ndarray | None = None, codes: np.ndarray | None = None
    ) -> Tile:
        """Return what lies in a box, edges included; `shown`: which galaxies count, bool (n,).

        `codes`, uint8 (n,), colour the cells: each has that of one of its galaxies. Of more than a
        million galaxies every k-th along the store is drawn, k times; the count is that of all.
        """
        parts = list(self._near(box, shown))
        count = sum(len(part) if isinstance(part, np.ndarray) else part[1] for part in parts)
        step = 1 if count <= DRAWN else -(-count // SAMPLED)
        rows = np.concatenate(
            [np.zeros(0, np.int64), *(self._taken(part, shown, step) for part in parts)]
        )
        if count <= DRAWN:
            return Tile(box, count, rows)
        cell = self._cells_of(rows, box)
        cells = np.bincount(cell, minlength=CELLS[0] * CELLS[1]).astype(np.uint32) * step
        colours = np.zeros(len(cells), np.uint8)
        if codes is not None:
            colours[cell] = codes[rows]
        empty = np.zeros(0, np.int64)
        return Tile(box, count, empty, cells.reshape(CELLS), colours.reshape(CELLS), step)

    def _near(
        self, box: Box, shown: np.ndarray | None = None
    ) -> Iterator[np.ndarray | tuple[int, int]]:
        """Yield what of each block counts: its rows, or its first row and their number where it
        lies in the box as a whole. Blocks that do not meet the box are not read.
        """
        x0, y0, x1, y1 = box
        low, high = self.bounds[:, :2], self.bounds[:, 2:]
        meets = np.all((low <= (x1, y1)) & (high >= (x0, y0)), axis=1)
        within = np.all((low >= (x0, y0)) & (high <= (x1, y1)), axis=1)
        for block in np.flatnonzero(meets):
            here = slice(first := int(block) * _BLOCK, min(first + _BLOCK, len(self)))
            if within[block]:
                size = here.stop - first
                yield first, size if shown is None else int(np.count_nonzero(shown[here]))
                continue
            x, y = self.places[here].T
            inside = (x >= x0) & (x <= x1) & (y >= y0) & (y <= y1)
            yield first + np.flatnonzero(inside if shown is None else inside & shown[here])

    def _taken(
        self, part: np.ndarray | tuple[int, int], shown: np.ndarray | None, step: int = 1
    ) -> np.ndarray:
        """Return every `step`-th row of a part."""
        if isinstance(part, np.ndarray):
            return part[::step]
        first, stop = part[0], min(part[0] + _BLOCK, len(self))
        if shown is None:
            return np.arange(first, stop, step)
        return first + np.flatnonzero(shown[first:stop])[::step]

    def _cells_of(self, rows: np.ndarray, box: Box) -> np.ndarray:
        """Return the cell of each galaxy of the box: int32 (m,)."""
        places = self.places[rows]
        down, across = CELLS
        x = _steps(places[:, 0], box[0], box[2], across)
        y = _steps(places[:, 1], box[1], box[3], down)
        y *= across
        y += x
        return y

    def inside(self, polygons: Sequence[Sequence[tuple[float, float]]]) -> np.ndarray:
        """Return the rows in any of the polygons, by the even-odd rule, ascending: int64 (m,)."""
        found = [np.zeros(0, np.int64)]
        for polygon in polygons:
            corners = np.asarray(polygon, np.float64)
            box = (*corners.min(axis=0).tolist(), *corners.max(axis=0).tolist())
            parts = (self._taken(part, None) for part in self._near(box))
            rows = np.concatenate([np.zeros(0, np.int64), *parts])
            found.append(rows[points_in_polygon(self.places[rows], polygon)])
        return np.unique(np.concatenate(found))

    def matching(
        self, expression: str, made: Mapping[str, Callable[[], Values]] | None = None
    ) -> np.ndarray:
        """Return which galaxies a filter chooses: bool (n,). Only columns that it names are read.

        `made` reads further columns. Raises ValueError as `astrojepa.data.filters.matching`.
        """
        made, own = made or {}, self.columns
        return matching(expression, StoreColumns(self, [*made, *own], made))

    @property
    def columns(self) -> StoreColumns:
        """The columns that a filter may name."""
        names = self.store.names
        labelled = "label" in self.store.layouts[0].known and "class" not in names
        return StoreColumns(self, (*names, "class") if labelled else names)

    @property
    def described(self) -> StoreColumns:
        """Those that say something of a galaxy: no ids, no places, nothing that begins with _."""
        hidden = {self.store.layouts[0].known["id"], *PLACES}
        names = self.store.names
        return StoreColumns(self, [n for n in names if n not in hidden and not n.startswith("_")])

    def column(self, name: str) -> Values:
        """Return a column of all galaxies; the last that was asked for is kept."""
        if (found := self.kept.get(name)) is None:
            found = self.store.values(name)
            self.kept = {name: found}  # a new one: another thread may read the old one
        return found

    def first(
        self, name: str, most: int, *, lowest: bool = False, shown: np.ndarray | None = None
    ) -> tuple[np.ndarray, int]:
        """Return the rows of the highest values of a column of numbers, or the lowest, in this
        order: int64 (k,), k <= `most`; and how many galaxies have a value. Of equal values the
        first row comes first. `shown`: which galaxies count, bool (n,).

        ValueError where the column holds no numbers.
        """
        values = self.column(name)
        if not isinstance(values, Numbers):
            raise ValueError(f"The column {name} of {self.store.path.name} holds no numbers.")
        rows = np.flatnonzero(values.known if shown is None else values.known & shown)
        count, order = len(rows), values.values[rows] * (1 if lowest else -1)
        if count > most:
            near = order <= np.partition(order, most - 1)[most - 1]
            rows, order = rows[near], order[near]
        return rows[np.argsort(order, kind="stable")[:most]], count

    def beside(
        self, name: str, row: int, *, lowest: bool = False, shown: np.ndarray | None = None
    ) -> tuple[int, int | None, int | None]:
        """Return a galaxy's rank in the order of `first`, from 1, and the rows before and after it;
        the rank is 0 where it is not in this order. Nothing is sorted.
        """
        values = self.column(name)
        assert isinstance(values, Numbers)
        known = values.known if shown is None else values.known & shown
        if not known[row]:
            return 0, None, None
        order = values.values if lowest else -values.values
        equal = np.flatnonzero((order == order[row]) & known)
        place = int(np.searchsorted(equal, row))
        lower = (order < order[row]) & known
        before, after = equal[place - 1] if place else None, None
        if before is None and lower.any():
            highest = order[lower].max()
            before = np.flatnonzero((order == highest) & known)[-1]
        if place + 1 < len(equal):
            after = equal[place + 1]
        elif (higher := (order > order[row]) & known).any():
            after = np.argmax((order == order[higher].min()) & known)
        rank = int(np.count_nonzero(lower)) + place + 1
        found = [None if other is None else int(other) for other in (before, after)]
        return rank, found[0], found[1]

    def nearest(self, row: int, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return distances float32 and rows int64, (k,), of the k nearest: every vector is read.

        Distances are those of `open_index(store).nearest`, which is quick where there is an index.
        """
        distances = self.distances(row)
        best = np.argsort(distances, kind="stable")[: min(k, len(self) - 1) + 1]
        found = without_own(distances[best][None], best[None], np.array([row]))
        return found[0][0], found[1][0]

    def distances(self, row: int, rows: np.ndarray | None = None) -> np.ndarray:
        """Return the distances of all galaxies, or some, from one, between standardised vectors:
        float32 (n,) or (q,). Every vector is read; `open_index(store).distances` is quicker.
        """
        _, factor = scaling_of(batch for _, batch in self.store.batches())
        own = self.store.vectors_of(np.array([row]))[0]
        found = np.empty(len(self), np.float32)
        for first, batch in self.store.batches():
            found[first : first + len(batch)] = np.linalg.norm((batch - own) * factor, axis=1)
        return found if rows is None else found[rows]


class StoreColumns(Mapping[str, Values]):
    """Columns of a store, read when they are asked for; that of its labels is `class` too."""

    def __init__(
        self,
        large: LargeMap,
        names: Sequence[str],
        made: Mapping[str, Callable[[], Values]] | None = None,
    ) -> None:
        self.large, self.names, self.made = large, names, made or {}
        self.label = large.store.layouts[0].known.get("label", "")

    def __getitem__(self, name: str) -> Values:
        if name not in self.names:
            raise KeyError(name)
        if name in self.made:
            return self.made[name]()
        own = name in self.large.store.names
        return self.large.column(self.label if name == "class" and not own else name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


def is_large(store: Store) -> bool:
    """Whether a store has too many galaxies to be read into memory by the explorer."""
    return len(store) > LARGE


def open_large_map(store: Store) -> LargeMap:
    """Read the places of all galaxies from the columns x and y.

    Raises ValueError where there are none, or where one is not finite.
    """
    if not has_map(store):
        raise ValueError(
            f"{store.path.name} has {len(store):,} galaxies and no map of them (columns x and y); "
            f"make one with: astrojepa project --vectors {store.path.name} --out mapped"
        )
    return large_map(store, *coordinates(store, "x", "y"))


def has_map(store: Store) -> bool:
    """Whether a store has the columns x and y."""
    return {"x", "y"} <= set(store.names)


def method_of(store: Store) -> str:
    """Return how the map of x and y was made, as `project` writes it; "" where it is not said."""
    with contextlib.suppress(ValueError, TypeError, KeyError, RecursionError):
        method = json.loads(store.map_recipe)["method"]
        return method if method in COLUMNS else ""
    return ""


def coordinates(store: Store, *names: str) -> list[np.ndarray]:
    """Return columns of coordinates, float64 (n,); ValueError where one is not finite."""
    columns = [store.values(name) for name in names]
    found = [one.values if isinstance(one, Numbers) else np.array([np.nan]) for one in columns]
    if not all(np.isfinite(values).all() for values in found):
        raise ValueError(
            f"The columns {' and '.join(names)} of {store.path.name} must be finite numbers; "
            "project it anew."
        )
    return found


def large_map(store: Store, x: np.ndarray, y: np.ndarray) -> LargeMap:
    """Return the map that has the galaxies of a store at x and y, (n,) each, finite."""
    spans = [float(values.max() - values.min()) for values in (x, y)]
    span = max(spans) or 1.0
    places = np.empty((len(store), 2), np.float32)
    for axis, (values, own) in enumerate(zip((x, y), spans, strict=True)):
        # the shorter axis is centred
        places[:, axis] = ((values - values.min()) / span + (1 - own / span) / 2) * UNITS
    firsts = np.arange(0, len(places), _BLOCK)
    low, high = (each.reduceat(places, firsts, axis=0) for each in (np.minimum, np.maximum))
    return LargeMap(store, places, np.concatenate([low, high], axis=1))


def _steps(values: np.ndarray, low: float, high: float, count: int) -> np.ndarray:
    scaled = values - np.float32(low)
    scaled *= np.float32(count / max(high - low, 1e-6))
    steps = scaled.astype(np.int32)
    return np.clip(steps, 0, count - 1, out=steps)

"""A store that is made up but true to size: galaxies whose true neighbours can be computed.

The galaxies form groups. A group lies in a space of 12 dimensions that is turned at random into the
D of the vectors, around a centre drawn at random, and within a known radius: so the neighbours of a
galaxy lie in its own group, or in one whose centre is near enough, and can be found by drawing
these groups again. On the map each group has a square of its own; the squares follow a
space-filling curve, and so do the galaxies in them. A group depends on the seed, its number and its
size alone: any partition can be written by itself.
"""

from __future__ import annotations

import functools
import itertools
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from astrojepa.data.simulate.census import CLASSES
from astrojepa.evaluation.maps.morton import morton_codes
from astrojepa.evaluation.vectors.columns import MAX_ROWS
from astrojepa.evaluation.vectors.store import OPTIONS, PARTITION, ROW_GROUP, part_name
from astrojepa.files import atomic_write
from astrojepa.progress import Listener, reporting

FORMAT = "1"
INNER = 12  # dimensions of a group
RADIUS = 8.0  # of a group
SIGMAS = np.linspace(2.0, 0.5, INNER, dtype=np.float32)  # deviations along its axes
MOST_LEVELS = 5  # at most 4^5 groups
MEMBERS = 64  # galaxies of a group on average, at least
FIRST_ID = 10**15
MAX_WIDTH = 4096


@dataclass(frozen=True)
class Mixture:
    """What decides a simulated store."""

    count: int
    width: int = 192
    seed: int = 0

    def __post_init__(self) -> None:
        for name, low, high in (
            ("count", 1, MAX_ROWS),
            ("width", INNER, MAX_WIDTH),
            ("seed", 0, 2**32 - 1),
        ):
            if not low <= getattr(self, name) <= high:
                raise ValueError(
                    f"{name} is {getattr(self, name):,}; it must lie in [{low:,}, {high:,}]."
                )

    @property
    def side(self) -> int:
        """How many groups stand side by side on the map."""
        levels = int(np.log2(max(1, self.count / MEMBERS)) // 2)
        return int(2 ** min(MOST_LEVELS, levels))

    @functools.cached_property
    def sizes(self) -> np.ndarray:
        """How many galaxies each group has, int64 (g,), along the curve."""
        generator = np.random.default_rng((self.seed, 0))
        weights = generator.lognormal(sigma=0.5, size=self.side**2)
        return generator.multinomial(self.count, weights / weights.sum())

    @functools.cached_property
    def partitions(self) -> list[range]:
        """Which groups each file holds."""
        ends = np.cumsum(self.sizes)
        number = np.minimum((ends - 1) // PARTITION, max(0, (self.count - 1) // PARTITION))
        edges = [0, *(np.flatnonzero(np.diff(number)) + 1).tolist(), len(ends)]
        return [range(first, last) for first, last in itertools.pairwise(edges)]

    @functools.cached_property
    def corners(self) -> np.ndarray:
        """The lower left corner of each group's square on the map, int64 (g, 2)."""
        ticks = np.arange(self.side)
        squares = np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2)
        codes = morton_codes(squares, np.zeros(2), np.full(2, self.side))
        return squares[np.argsort(codes)]

    @functools.cached_property
    def centres(self) -> np.ndarray:
        """The middle of each group, float32 (g, D)."""
        generator = np.random.default_rng((self.seed, 1))
        return generator.standard_normal((len(self.sizes), self.width), dtype=np.float32)

    def group(self, number: int) -> dict[str, np.ndarray]:
        """Draw one group: its columns by name, (m,) each, and `vector` float16 (m, D)."""
        generator, size = np.random.default_rng((self.seed, 2, number)), int(self.sizes[number])
        axes, _ = np.linalg.qr(generator.normal(size=(self.width, INNER)))
        inner = generator.standard_normal((size, INNER), dtype=np.float32) * SIGMAS
        length = np.linalg.norm(inner, axis=1, keepdims=True)
        inner *= np.minimum(1, RADIUS / np.maximum(length, 1e-6))
        place = self.corners[number] + np.clip(0.5 + inner[:, :2] / (2 * RADIUS), 0, 0.999)
        order = np.argsort(morton_codes(place, np.zeros(2), np.full(2, self.side)), kind="stable")
        inner, place = inner[order], place[order].astype(np.float32)
        vectors = self.centres[number] + inner @ axes.T.astype(np.float32)
        first = int(self.sizes[:number].sum())
        return {
            "object_id": FIRST_ID + first + np.arange(size),
            "ra": generator.uniform(0, 360, size),
            "dec": np.degrees(np.arcsin(generator.uniform(-1, 1, size))),
            "label": np.full(size, CLASSES[number % len(CLASSES)]),
            "x": place[:, 0],
            "y": place[:, 1],
            "score": np.linalg.norm(inner, axis=1),
            "redshift": generator.gamma(2.0, 0.05, size).astype(np.float32),
            "magnitude": (20 - 2.5 * generator.exponential(0.4, size)).astype(np.float32),
            "vector": vectors.astype(np.float16),
        }


def simulate_store(mixture: Mixture, path: str | Path, *, progress: Listener = None) -> int:
    """Write a simulated store, one partition in memory at a time; returns how many were there.

    Columns: object_id, ra, dec (degrees), label, x, y (place on a map), score (distance from the
    centre of its group), redshift, magnitude, vector (float16), in order along a space-filling
    curve of x and y. A partition is written atomically: after a kill the same call writes those
    that are missing. Raises ValueError where the folder holds something else.

    Examples:
        >>> simulate_store(Mixture(1000, width=16), folder / "store")
        0
        >>> len(aj.read_vectors(folder / "store"))
        1000
    """
    folder, partitions = Path(path), mixture.partitions
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{path} is a file; name a folder for the store.")
    names = [part_name(number, len(partitions)) for number in range(len(partitions))]
    others = sorted({file.name for file in folder.glob("*.parquet")} - set(names))
    schema = _schema(mixture)
    if others or any(
        parquet.read_schema(folder / name).metadata != schema.metadata
        for name in names
        if (folder / name).is_file()
    ):
        raise ValueError(
            f"{path} holds other files than those of this store ({mixture.count:,} galaxies, width "
            f"{mixture.width}, seed {mixture.seed}); name another folder."
        )
    missing = [number for number, name in enumerate(names) if not (folder / name).is_file()]
    with reporting(progress, mixture.count, "simulating") as report:
        for number, groups in enumerate(partitions):
            if number in missing:
                _write(folder / names[number], schema, map(mixture.group, groups))
            report(int(mixture.sizes[: groups.stop].sum()))
    return len(partitions) - len(missing)


def _schema(mixture: Mixture) -> pa.Schema:
    columns = {
        "object_id": pa.int64(),
        "ra": pa.float64(),
        "dec": pa.float64(),
        "label": pa.string(),
        **dict.fromkeys(("x", "y", "score", "redshift", "magnitude"), pa.float32()),
        "vector": pa.list_(pa.float16(), mixture.width),
    }
    facts = {"store": FORMAT, "simulated": "true", "mixture": json.dumps(asdict(mixture))}
    return pa.schema(columns, facts)


def _write(path: Path, schema: pa.Schema, groups: Iterator[dict[str, np.ndarray]]) -> None:
    drawn = list(groups)
    arrays = []
    for field in schema:
        values = np.concatenate([group[field.name] for group in drawn])
        arrays.append(
            pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1])
            if field.name == "vector"
            else pa.array(values, field.type)
        )
    with atomic_write(path) as stream:
        parquet.write_table(
            pa.table(arrays, schema=schema), stream, row_group_size=ROW_GROUP, **OPTIONS
        )

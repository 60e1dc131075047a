"""A large store as the panels below the map know it: what takes long runs with its progress."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np

from astrojepa.data.histograms import Histogram, histogram
from astrojepa.data.values import Numbers, Values
from astrojepa.evaluation.vectors.neighbour_index import is_available
from astrojepa.progress import Progress

from ..components.keepsake.large import begun
from ..components.large_card import class_names, go_in
from . import waiting
from .described import digest
from .large import Large
from .large_links import publish
from .loaders import FEW

T = TypeVar("T")
KEPT = 24  # histograms of a store, a byte for each galaxy


class OfStore:
    """The galaxies of a store; `images` are theirs, None without any."""

    unmeasured = "The images of a store are not measured."

    def __init__(self, large: Large, images: Any) -> None:
        self.large, self.count = large, len(large.map)
        self.columns: Mapping[str, Values] = large.columns
        self.made = large.made
        self.made_of = str([one.key for one in self.made.values()])
        self.pictures = "" if images is None else large.address

    @property
    def has_positions(self) -> bool:
        known = self.large.map.store.layouts[0].known
        return not self.large.is_simulated and {"ra", "dec"} <= known.keys()

    def galaxies_hash(self) -> str | None:
        return begun(self.large)

    def ready(
        self, key: tuple[object, ...], sentence: str, task: Callable[[Progress], T]
    ) -> T | None:
        found: T | None = waiting.show_when_ready(("large", self.large.key, *key), sentence, task)
        return found

    def histogram(self, name: str) -> Histogram:
        if name in self.made:
            return histogram(self.columns[name])
        kept = self.large.histograms
        if name not in kept:
            made = histogram(self.columns[name])
            while len(kept) >= KEPT:
                kept.pop(next(iter(kept)), None)
            kept[name] = made
            return made
        return kept[name]

    def measured(self) -> Mapping[str, Values]:
        return {}  # no one waits for millions of images

    def positions(self) -> tuple[np.ndarray, np.ndarray]:
        known = self.large.map.store.layouts[0].known
        ra, dec = (self._numbers(known[name]) for name in ("ra", "dec"))
        return ra, dec

    def position_of(self, row: int) -> tuple[float, float] | None:
        ra, dec = (float(values[row]) for values in self.positions())
        return (ra, dec) if np.isfinite(ra + dec) else None

    def _numbers(self, name: str) -> np.ndarray:
        values = self.large.map.column(name)
        return values.values if isinstance(values, Numbers) else np.full(self.count, np.nan)

    def ids(self, rows: np.ndarray) -> np.ndarray:
        return np.array(self.large.names(rows))

    def class_names(self, rows: np.ndarray) -> list[str]:
        return class_names(self.large.map.store.known_of(rows))

    def exemplars(self, rows: np.ndarray, count: int) -> np.ndarray | None:
        index = None
        if is_available() and (index := self.large.index()) is None:
            return None

        def task(report: Progress) -> np.ndarray:
            from astrojepa.evaluation.vectors.exemplars import exemplars
            from astrojepa.evaluation.vectors.standardise import scaling_of

            some = np.sort(np.random.default_rng(0).permutation(rows)[:FEW])
            if index is not None:
                features = np.asarray(index.index.features[some], np.float32)
            else:
                vectors = self.large.map.store.vectors_of(some, report)
                features = vectors * scaling_of([vectors])[1]
            return some[exemplars(features, count)]

        key = ("exemplars", digest(rows), count)
        return self.ready(key, "Choosing typical galaxies", task)

    def select(self, row: Any) -> None:
        go_in(self.large)(row)

    def facts(self) -> dict[str, Any]:
        return {**self.large.provenance, "view": publish(self.large)}

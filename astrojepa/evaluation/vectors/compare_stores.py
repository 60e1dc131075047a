"""Compare two models by stores of the same galaxies, in whatever order, too many to compare all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from astrojepa.evaluation.vectors.compare import Comparison, compared, stretch
from astrojepa.evaluation.vectors.same_ids import keys_of, rows_by_id
from astrojepa.evaluation.vectors.store import Store
from astrojepa.evaluation.vectors.store_index import StoreIndex
from astrojepa.progress import Listener, reporting

SAMPLED = 5000  # galaxies whose neighbours are compared
NEIGHBOURS = 10
SEARCHED = 100  # neighbours of each, of which the first that are in both stores count
WIDER = 1000  # those of a galaxy where so few of the nearest 100 are in both
LEAST = 0.5  # of the galaxies of the larger store, that both must have
_CHUNK = 50


@dataclass(frozen=True)
class Partners:
    """Which galaxies two stores have in common, by row; -1 = the other has none."""

    seconds: np.ndarray  # int32 (n,): rows of the second store
    firsts: np.ndarray  # int32 (m,): rows of the first

    @cached_property
    def count(self) -> int:
        """How many galaxies are in both."""
        return int(np.count_nonzero(self.seconds >= 0))


@dataclass(frozen=True)
class StoreComparison:
    """How alike two stores are, by a random sample of the galaxies that are in both."""

    rows: np.ndarray  # int64 (q,), of the first store, ascending
    vectors: tuple[np.ndarray, np.ndarray]  # float32 (q, D) and (q, D'), but for float16
    found: Comparison  # of the sample, whose neighbours are sought among all that are in both
    asked: int  # galaxies that were drawn; q, but for those without 10 such neighbours

    @property
    def error(self) -> float:
        """The standard error of the mean overlap."""
        overlap = self.found.overlap
        return float(overlap.std(ddof=1) / np.sqrt(len(overlap)))


def same_galaxies(first: Store, second: Store, progress: Listener = None) -> Partners:
    """Find the galaxies of two stores that have the same ids; of several in one, the first.

    ValueError where they share fewer than half of the galaxies of either.
    """
    with reporting(progress, len(first), f"looking up ids in {second.path.name}") as report:
        seconds = rows_by_id(first, keys_of(second), report)
    rows = np.flatnonzero(seconds >= 0)[::-1]
    firsts = np.full(len(second), -1, np.int32)
    firsts[seconds[rows]] = rows
    seconds[rows[firsts[seconds[rows]] != rows]] = -1
    found = Partners(seconds, firsts)
    if found.count < LEAST * max(len(first), len(second)):
        raise ValueError(
            f"{first.path.name} has {len(first):,} galaxies and {second.path.name} "
            f"{len(second):,}, and {found.count:,} ids are in both; compare two models of the "
            "same galaxies."
        )
    return found


def neighbours_by_both(
    indices: tuple[StoreIndex, StoreIndex],
    partners: Partners,
    rows: np.ndarray,
    k: int = NEIGHBOURS,
    report: Callable[[int], None] = lambda done: None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the k nearest by either store of galaxies that are in both, among these, as rows of
    the first: int64 (2, q, k); and whether so many were among the nearest 1,000, bool (q,). k is
    lowered to the number of others.

    The indices find nearly all. `report` takes how many searches of 2 q are done.
    """
    k = min(k, partners.count - 1)
    near = np.empty((2, len(rows), k), np.int64)
    whole = np.ones(len(rows), bool)
    asked = rows, partners.seconds[rows]
    for side, of_other in enumerate((partners.seconds, partners.firsts)):
        for start in range(0, len(rows), _CHUNK):
            here = np.arange(start, min(start + _CHUNK, len(rows)))
            for width in (SEARCHED, WIDER):
                if not len(here):
                    break
                found = indices[side].nearest(asked[side][here], max(width, k))[1]
                there = of_other[found] >= 0
                order = np.argsort(~there, axis=1, kind="stable")[:, :k]
                kept = np.take_along_axis(found, order, axis=1)
                near[side, here] = kept if side == 0 else partners.firsts[kept]
                here = here[there.sum(axis=1) < k]
            whole[here] = False
            report(side * len(rows) + min(start + _CHUNK, len(rows)))
    return near, whole


def compare_stores(
    indices: tuple[StoreIndex, StoreIndex],
    partners: Partners,
    *,
    k: int = NEIGHBOURS,
    sample: int = SAMPLED,
    seed: int = 0,
    progress: Listener = None,
) -> StoreComparison:
    """Compare two stores by `sample` galaxies that are in both, drawn with `seed`.

    Neighbours are those of `neighbours_by_both`; CKA is that of the sample. Galaxies are left out
    where fewer than k of the nearest 1,000 are in both; ValueError where that leaves fewer than 2.
    """
    among = np.flatnonzero(partners.seconds >= 0)
    generator = np.random.default_rng(seed)
    rows = np.sort(generator.choice(among, min(sample, len(among)), replace=False, shuffle=False))
    with reporting(progress, 2 * len(rows), "comparing neighbours") as report:
        near, whole = neighbours_by_both(indices, partners, rows, k, report)
    asked, rows, near = len(rows), rows[whole], near[:, whole]
    if len(rows) < 2:
        raise ValueError(
            "The nearest galaxies of each in one store are not in the other; compare two models of "
            "the same galaxies."
            if partners.count > 1
            else "Only one galaxy is in both stores; a comparison needs at least two."
        )
    features = [index.index.features for index in indices]
    sides = rows, partners.seconds[rows]
    own = [np.asarray(part[side], np.float32) for part, side in zip(features, sides, strict=True)]
    inside = partners.seconds[near]
    stretches = (
        stretch(features[0], own[0], near[1], near[0]),
        stretch(features[1], own[1], inside[0], inside[1]),
    )
    first, second = (
        part / index.factor + index.shift for part, index in zip(own, indices, strict=True)
    )
    found = compared((first, second), list(near), stretches, len(among))
    return StoreComparison(rows, (first, second), found, asked)

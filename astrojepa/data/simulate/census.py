"""Which galaxy is number i of a simulation: class, rare kind, artefact, and repetition.

Everything here is a function of (seed, index) alone, so that a longer simulation begins with the
same galaxies. Classes and artefacts are read off two equidistributed sequences (multiples of the
golden ratio and of the square root of two, modulo one) with a random start: any run of a hundred
galaxies holds all ten classes, in nearly the frequencies of Galaxy10 DECaLS.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Galaxy10 DECaLS, Leung & Bovy, https://zenodo.org/records/10845026: names and counts in the order
# of the labels.
CLASS_COUNTS = {
    "Disturbed": 1081,
    "Merging": 1853,
    "Round Smooth": 2645,
    "In-between Round Smooth": 2027,
    "Cigar Shaped Smooth": 334,
    "Barred Spiral": 2043,
    "Unbarred Tight Spiral": 1829,
    "Unbarred Loose Spiral": 2628,
    "Edge-on without Bulge": 1423,
    "Edge-on with Bulge": 1873,
}
CLASSES = tuple(CLASS_COUNTS)
KINDS = (*(name.lower() for name in CLASSES), "ring", "lens")
RARE_SHARE = 0.005  # of all galaxies, for each rare kind
RARE_LABELS = {
    "ring": CLASSES.index("Unbarred Tight Spiral"),
    "lens": CLASSES.index("Round Smooth"),
}

ARTEFACTS = ("none", "satellite trail", "dead column", "missing band")
ARTEFACT_SHARE = 0.005  # of all galaxies, for each artefact

DUPLICATE_EVERY = 333  # one row in 333 repeats an earlier galaxy under another label ...
DUPLICATE_FIRST = 97  # ... beginning with this one, so that a hundred rows hold a pair
# The class a second classifier might have chosen.
CONFUSED_WITH = {0: 1, 1: 0, 2: 3, 3: 2, 4: 8, 5: 7, 6: 7, 7: 6, 8: 4, 9: 8}


@dataclass(frozen=True)
class Census:
    """The first `count` galaxies of a seed in drawing order; one entry per galaxy."""

    labels: np.ndarray  # int64 (n,), index into CLASSES; of a duplicate, the conflicting one
    kinds: np.ndarray  # int64 (n,), index into KINDS; of a duplicate, the original's
    artefacts: np.ndarray  # int64 (n,), index into ARTEFACTS; of a duplicate, the original's
    # int64 (n,), which galaxy's image this row shows: its own number except for duplicates
    originals: np.ndarray

    @property
    def duplicated(self) -> np.ndarray:
        """Which rows repeat an earlier galaxy: bool (n,)."""
        return self.originals != np.arange(len(self.originals))


def take_census(count: int, seed: int) -> Census:
    """Return what the first `count` galaxies of `seed` are; a larger count only appends."""
    index = np.arange(count)
    class_start, artefact_start = np.random.default_rng((seed, 0, 1)).random(2)
    originals = _find_originals(count, seed)
    position = np.mod(class_start + originals * ((5**0.5 - 1) / 2), 1.0)
    edges = np.cumsum(list(CLASS_COUNTS.values())) / sum(CLASS_COUNTS.values())
    labels = np.minimum(np.searchsorted(edges, position, side="right"), len(CLASSES) - 1)
    kinds = labels.copy()
    for kind, label in RARE_LABELS.items():
        start = edges[label - 1]
        kinds[(position >= start) & (position < start + RARE_SHARE)] = KINDS.index(kind)
    slot = (
        np.floor(np.mod(artefact_start + originals * 2**0.5, 1.0) / ARTEFACT_SHARE).astype(np.int64)
        + 1
    )
    artefacts = np.where(slot < len(ARTEFACTS), slot, 0)
    confused = np.array([CONFUSED_WITH[label] for label in range(len(CLASSES))])
    labels = np.where(originals != index, confused[labels], labels)
    return Census(labels.astype(np.int64), kinds.astype(np.int64), artefacts, originals)


def _find_originals(count: int, seed: int) -> np.ndarray:
    """Return the galaxy each row shows, int64 (count,); every 333rd repeats an earlier one."""
    originals = np.arange(count)
    for row in range(DUPLICATE_FIRST, count, DUPLICATE_EVERY):
        earlier = int(np.random.default_rng((seed, row, 2)).integers(row))
        if earlier % DUPLICATE_EVERY == DUPLICATE_FIRST:
            earlier += 1  # the neighbour of a duplicate is never one itself; row > earlier + 1 here
        originals[row] = earlier
    return originals

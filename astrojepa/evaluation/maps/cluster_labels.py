"""Short labels of clusters, made from what distinguishes each from all other galaxies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from astrojepa.data.values import Values, Words
from astrojepa.evaluation.baselines.shape_columns import BY_NAME
from astrojepa.evaluation.maps.differences import Difference, differences

WORTH = 0.25  # strength, from which on a difference is part of a label: |d| = 0.5
ALIKE = 0.8  # correlation, from which on two traits say the same
_KNOWN = 0.5  # share of a cluster that has a value, from which on its column can name it
_SAMPLE = 20_000  # galaxies of either side that are compared


def cluster_labels(
    labels: np.ndarray, columns: Mapping[str, Values], first: str = "class"
) -> tuple[str, ...]:
    """Name clusters, int64 (n,) with -1 = none, by one or two traits: "82 % edge-on, red".

    A trait is a column in which the cluster differs from all other galaxies significantly and with
    a strength of at least 0.25 (`differences`): the share of the word that is more frequent in it,
    or whether numbers are high or low. The column `first` goes first, then the strongest; a third
    trait or a number tells apart what would be called the same. No trait: "cluster 3".

    >>> from astrojepa.data.values import coded
    >>> kinds = coded(np.repeat([0, 1, 1, 1], 30), ["edge-on", "round"])
    >>> cluster_labels(np.repeat([0, 1, 1, -1], 30), {"class": kinds})
    ('100 % edge-on', '100 % round')
    """
    made: list[str] = []
    for number in range(int(labels.max(initial=-1)) + 1):
        inside = np.flatnonzero(labels == number)
        found = differences(columns, _thinned(inside), _thinned(np.flatnonzero(labels != number)))
        found = [
            one
            for one in found
            if one.significant
            and one.strength >= WORTH
            and one.counts[0] >= _KNOWN * min(len(inside), _SAMPLE)
        ]
        found.sort(key=lambda one: one.column != first)
        made.append(_free(list(_traits(found, columns)), made, f"cluster {number + 1}"))
    return tuple(made)


def _traits(found: list[Difference], columns: Mapping[str, Values]) -> Iterator[str]:
    """Write differences, each once: of traits that say the same, the first."""
    said: list[np.ndarray] = []
    for one in found:
        trait = _measured(columns[one.column], one.word)
        if any(_alike(trait, other) for other in said):
            continue
        said.append(trait)
        if one.measure == "V":
            yield f"{100 * one.shares[0]:.0f} % {one.word}"
        elif one.column in BY_NAME:
            yield BY_NAME[one.column].more if one.effect > 0 else BY_NAME[one.column].less
        else:
            yield f"{'high' if one.effect > 0 else 'low'} {one.column.replace('_', ' ')}"


def _measured(values: Values, word: str) -> np.ndarray:
    """Return a trait, float64 (n,): a number, or 1 for the word and 0 for others; NaN = unknown."""
    if isinstance(values, Words):
        return np.where(values.known, values.codes == values.words.index(word), np.nan)
    return values.values


def _alike(trait: np.ndarray, other: np.ndarray) -> bool:
    """Whether two traits correlate by more than 0.8, of either sign."""
    known = ~(np.isnan(trait) | np.isnan(other))
    if not known.any():
        return False
    first, second = (one[known] - one[known].mean() for one in (trait, other))
    spread = np.sqrt((first**2).sum() * (second**2).sum())
    return bool(spread > 0 and abs((first * second).sum()) > ALIKE * spread)


def _free(traits: list[str], taken: list[str], without: str) -> str:
    """Join two traits, or as many as make a name that is not taken."""
    for count in range(2, max(2, len(traits)) + 1):
        name = ", ".join(traits[:count]) or without
        if name not in taken:
            return name
    return next(free for k in range(2, len(taken) + 3) if (free := f"{name} ({k})") not in taken)


def _thinned(rows: np.ndarray) -> np.ndarray:
    return rows[:: -(-len(rows) // _SAMPLE)] if len(rows) > _SAMPLE else rows

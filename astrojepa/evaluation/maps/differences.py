"""In what two sets of galaxies differ: columns by effect size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from astrojepa.data.values import Numbers, Values, Words

SIGNIFICANT = 0.001  # p-value, below which a difference is not left to chance
MOST_WORDS = 50  # different words; a column with more names galaxies or files
_EXACT = 1e-12  # of the largest value; less than that is rounding
_FEWEST = 3  # known values on each side


@dataclass(frozen=True)
class Difference:
    """One column of two sets of galaxies, the first and the second.

    Both measures can be compared through `strength`, which does not depend on how many galaxies
    each side has.
    """

    column: str
    measure: str  # "d", Cohen's, positive where the first is higher; or "V", Cramér's
    effect: float  # 0 = none
    strength: float  # in [0, 1]: V itself, and for d the correlation |d| / √(d² + 4)
    p: float  # that chance alone gives as much: of Welch's t test, or of χ²
    counts: tuple[int, int]  # galaxies whose value is known
    medians: tuple[float, float] | None  # of numbers
    word: str  # of words: the one whose share on the first side is higher by most
    shares: tuple[float, float]  # of that word, in [0, 1]

    @property
    def significant(self) -> bool:
        """Whether p is below 0.001."""
        return self.p < SIGNIFICANT


def differences(
    columns: Mapping[str, Values], first: np.ndarray, second: np.ndarray
) -> list[Difference]:
    """Compare rows `first` (a,) with rows `second` (b,) in every column, the strongest first.

    Numbers: Cohen's d = (mean − mean) / pooled deviation. Words: Cramér's V with both sides given
    the same weight, V² = ½ Σ (p − q)² / (p + q) over the shares p and q of each word, less what
    chance gives, (k − 1)(1/a + 1/b) / 4 for k words (0 = same shares, 1 = no word in common). For
    a = b these are the usual ones, V corrected for bias. Unknown values are left out; columns that
    are constant, that less than 3 galaxies of a side have a value of, or of more than 50 words, are
    not compared. ValueError where a galaxy is on both sides.

    *Source:* Cohen 1988; Bergsma 2013 (bias of V).

    >>> columns = {"z": Numbers(np.array([0.0, 1, 2, 3, 4, 5])), "id": Numbers(np.ones(6))}
    >>> (found,) = differences(columns, np.array([3, 4, 5]), np.array([0, 1, 2]))
    >>> found.column, found.measure, found.effect, found.medians
    ('z', 'd', 3.0, (4.0, 1.0))
    """
    if both := int(np.count_nonzero(np.isin(first, second))):
        raise ValueError(
            f"Galaxies on both sides: {both:,}; leave them out of one to compare the two."
        )
    found = []
    for name, values in columns.items():
        sides = values.known[first], values.known[second]
        if min(map(np.sum, sides)) < _FEWEST:
            continue
        rows = first[sides[0]], second[sides[1]]
        one = _of_numbers(name, values, *rows) if isinstance(values, Numbers) else None
        one = _of_words(name, values, *rows) if isinstance(values, Words) else one
        found += [one] if one is not None else []
    return sorted(found, key=lambda one: (-one.strength, one.p))


def _of_numbers(
    name: str, values: Numbers, first: np.ndarray, second: np.ndarray
) -> Difference | None:
    from scipy.special import stdtr

    a, b = values.values[first], values.values[second]
    gap, size = float(a.mean() - b.mean()), max(abs(a).max(), abs(b).max())
    squares = np.array([((side - side.mean()) ** 2).sum() for side in (a, b)])
    deviation = float(np.sqrt(squares.sum() / (len(a) + len(b) - 2)))
    if max(abs(gap), deviation) <= _EXACT * size:
        return None
    if deviation <= _EXACT * size:  # constant on each side
        d, strength, p = float(np.copysign(np.inf, gap)), 1.0, 0.0
    else:
        d = gap / deviation
        strength = abs(d) / np.sqrt(d**2 + 4)
        counts = np.array([len(a), len(b)])
        errors = squares / (counts - 1) / counts
        freedom = errors.sum() ** 2 / (errors**2 / (counts - 1)).sum()
        p = 2 * stdtr(freedom, -abs(gap) / np.sqrt(errors.sum()))
    known, medians = (len(a), len(b)), (float(np.median(a)), float(np.median(b)))
    measured = float(d), float(strength), float(p)
    return Difference(name, "d", *measured, known, medians, "", (0.0, 0.0))


def _of_words(name: str, values: Words, first: np.ndarray, second: np.ndarray) -> Difference | None:
    from scipy.special import chdtrc

    size = len(values.words)
    counts = np.stack([np.bincount(values.codes[rows], minlength=size) for rows in (first, second)])
    there = np.flatnonzero(counts.any(axis=0))
    if not 2 <= len(there) <= MOST_WORDS:
        return None
    counts = counts[:, there]
    p, q = counts / counts.sum(axis=1, keepdims=True)
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0) / counts.sum()
    squares = float(((counts - expected) ** 2 / expected).sum())
    chance = (len(there) - 1) * (1 / counts[0].sum() + 1 / counts[1].sum()) / 4
    v = float(np.sqrt(max(0.0, ((p - q) ** 2 / (p + q)).sum() / 2 - chance)))
    most = int(np.argmax(p - q))
    word, shares = values.words[there[most]], (float(p[most]), float(q[most]))
    by_chance = float(chdtrc(len(there) - 1, squares))
    sizes = int(counts[0].sum()), int(counts[1].sum())
    return Difference(name, "V", v, v, by_chance, sizes, None, word, shares)

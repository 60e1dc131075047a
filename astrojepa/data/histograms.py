"""Counts of a column's values, for all galaxies and for those that match a filter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from astrojepa.data.filters import clauses_of, matching, name_in, text_in
from astrojepa.data.values import Numbers, Values, Words, drawable

BINS = 32  # at most, about; their width is a round number
MOST_WORDS = 8  # bars; less frequent words are counted together
_CACHED = 16_384  # values that a core keeps at hand
_SAMPLED = 2**20  # values that tell percentiles
_ROUND = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True)
class Histogram:
    """Counts per bar; what lies outside of the first or last edge counts in that bar."""

    edges: np.ndarray  # float64 (bars + 1,); empty for words
    words: tuple[str, ...]  # of each bar, the most frequent first; empty for numbers
    # uint8 (n,): bar of each galaxy; the last but one = other word, last unknown
    codes: np.ndarray
    counts: np.ndarray  # int64 (bars + 2,): per bar, of other words, of unknown ones

    @property
    def bars(self) -> int:
        """How many bars there are."""
        return len(self.counts) - 2

    def counted(self, chosen: np.ndarray) -> np.ndarray:
        """Return the counts among chosen galaxies, bool (n,): int64 (bars + 2,)."""
        return np.bincount(self.codes[chosen], minlength=self.bars + 2)


def histogram(values: Values) -> Histogram:
    """Count a column: numbers in bins of a round width, far ones in the bins at the ends; words in
    a bar each.

    >>> found = histogram(Numbers(np.array([0.0, 0.5, 0.5, 1.0, np.nan])))
    >>> int(found.counts.sum()), int(found.counts[-1])
    (5, 1)
    """
    edges, words = np.zeros(0), ()
    if isinstance(values, Words):
        sizes = np.bincount(_kept(values.codes, values.known), minlength=len(values.words))
        most = np.argsort(-sizes, kind="stable")[:MOST_WORDS]
        words = tuple(values.words[k] for k in most)
        bar = np.full(len(values.words) + 1, len(words), dtype=np.uint8)
        bar[most], bar[-1] = np.arange(len(words)), len(words) + 1
        codes, bars = bar[values.codes], len(words)
    else:
        known = values.known
        edges = _edges(_kept(values.values, known))
        bars = max(len(edges) - 1, 0)
        codes = _bar_of(edges[1:-1], values.values)
        codes[~known] = bars + 1
    return Histogram(edges, words, codes, np.bincount(codes, minlength=bars + 2))


def range_clause(column: str, found: Histogram, first: int, last: int) -> str:
    """Return the filter of a column's bars `first` to `last`: half open, without bounds at the
    ends; empty for all of them.

    >>> found = histogram(Numbers(np.linspace(0, 1, 101)))
    >>> range_clause("z", found, 0, 2), range_clause("z", found, 1, 2)
    ('z < 0.15', '0.05 <= z < 0.15')
    """
    low = "" if first <= 0 else f"{found.edges[first]:.10g}"
    high = "" if last >= found.bars - 1 else f"{found.edges[last + 1]:.10g}"
    name = name_in(column)
    if low and high:
        return f"{low} <= {name} < {high}"
    return f"{name} >= {low}" if low else f"{name} < {high}" if high else ""


def words_clause(column: str, words: list[str]) -> str:
    """Return the filter of a column's words, "" = unknown; empty for none.

    >>> words_clause("kind", ["Sa", "Sb"])
    'kind in ["Sa", "Sb"]'
    """
    texts = [text_in(word) for word in words]
    if len(texts) < 2:
        return f"{name_in(column)} == {texts[0]}" if texts else ""
    return f"{name_in(column)} in [{', '.join(texts)}]"


def chosen_bars(expression: str, column: str, found: Histogram) -> np.ndarray | None:
    """Return which bars an expression demands of this column alone, and whether unknown values:
    bool (bars + 1,); None where it demands nothing.

    >>> found = histogram(Words(np.array([0, 1, 1]), ("Sa", "Sb")))
    >>> chosen_bars('kind == "Sb" & z < 1', "kind", found)
    array([ True, False, False])
    """
    if not (clauses := clauses_of(expression, column)):
        return None
    values: Values
    if len(found.edges):
        values = Numbers(np.append((found.edges[:-1] + found.edges[1:]) / 2, np.nan))
    else:
        order = np.argsort(found.words)
        ranks = np.empty(len(order), dtype=np.int64)
        ranks[order] = np.arange(len(order))
        values = Words(np.append(ranks, -1), tuple(sorted(found.words)))
    try:
        return np.logical_and.reduce([matching(clause, {column: values}) for clause in clauses])
    except ValueError:
        return None


def _bar_of(inner: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return how many of a few edges lie at or below each value, uint8 (n,): `np.searchsorted`
    searches for each value by itself, which takes several times as long.
    """
    found = np.zeros(len(values), np.uint8)
    for first in range(0, len(values), _CACHED):
        here = slice(first, first + _CACHED)
        for edge in inner:
            found[here] += values[here] >= edge
    return found


def _kept(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return the values that are known; to copy millions takes longer than to count them."""
    return values if known.all() else values[known]


def _edges(values: np.ndarray) -> np.ndarray:
    """Return edges of a round width, at most a quarter beyond the 1st and 99th percentile; of
    millions, these are those of a random million.
    """
    if not len(values):
        return np.zeros(0)
    least, most = drawable(np.array([values.min(), values.max()])).tolist()
    if len(some := values) > 2 * _SAMPLED:
        some = values[np.random.default_rng(0).integers(len(values), size=_SAMPLED)]
    some = drawable(some)
    low, high = (float(value) for value in np.percentile(some, (1, 99)))
    tail = (high - low or most - least) / 4  # beyond that, values are few and far
    low, high = max(least, low - tail), min(most, high + tail)
    blocks = (values[first : first + _CACHED] for first in range(0, len(values), _CACHED))
    whole = all((block == np.rint(block)).all() for block in blocks)
    width = (high - low) / BINS or abs(low) / BINS or 1.0
    power = 10.0 ** np.floor(np.log10(width))
    step = next(k * power for k in _ROUND if k * power >= 0.999 * width)
    step = max(step, 1.0) if whole else step
    first, last = np.floor(low / step), np.floor(high / step) + 1
    edges = step * np.arange(first, last + 1)
    return np.array([float(f"{edge:.10g}") for edge in edges])

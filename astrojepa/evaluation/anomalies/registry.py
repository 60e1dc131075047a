"""The anomaly scores by name.

A score is a function with `@anomaly_score` in a file of `scores/`; the command, the explorer's page
and the leaderboards then offer it. `docs/extending.md` shows one from end to end.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from astrojepa.evaluation.anomalies import DEFAULT
from astrojepa.evaluation.vectors.neighbour_index import Lists
from astrojepa.evaluation.vectors.neighbours import nearest
from astrojepa.registries import import_modules

NEEDS = ("vectors", "predictor", "encoder", "images")  # what a score is computed from, as listed
PIXELS = "pixel-pca-"  # before a score of vectors: the same on principal components of the pixels

Compute = Callable[..., np.ndarray]


@dataclass(frozen=True)
class AnomalyScore:
    """One score: larger = more anomalous."""

    name: str
    title: str  # for a menu
    meaning: str  # half a sentence: what a large value says
    needs: str  # one of NEEDS
    slow: bool  # more than about 50 ms a galaxy: computed only when asked for
    of_lists: bool  # whether lists of neighbours are all of the vectors that it takes
    compute: Compute
    parts: tuple[str, ...] = ()  # of a `combination`: the scores whose ranks it averages; one that
    # stands there n times counts n times


@dataclass(frozen=True)
class Features:
    """Standardised vectors to score: `new` (n, D) against `known` (m, D), float32.

    With `within`, `new` is `known`, and a galaxy is not its own neighbour. `k` is at most the
    number of other galaxies.
    """

    known: np.ndarray
    new: np.ndarray
    k: int
    within: bool
    seed: int = 0
    lists: Lists | None = None  # neighbours, where they are known already

    @functools.cached_property
    def neighbours(self) -> Lists:
        """Distances and indices (n, k) of the nearest known galaxies, nearest first."""
        if self.lists is not None:
            return self.lists
        itself = np.arange(len(self.new)) if self.within else None
        return nearest(self.known, self.new, self.k, exclude=itself)

    @functools.cached_property
    def neighbours_of_known(self) -> Lists:
        """The same for the known galaxies among themselves."""
        if self.within:
            return self.neighbours
        return nearest(self.known, self.known, self.k, exclude=np.arange(len(self.known)))


_SCORES: dict[str, AnomalyScore] = {}


def anomaly_score(
    name: str,
    title: str,
    meaning: str,
    needs: str = "vectors",
    slow: bool = False,
    of_lists: bool = False,
) -> Callable[[Compute], Compute]:
    """Register a score under `name`. It returns float64 (n,), larger = more anomalous.

    A score of vectors is called as `score(features: Features)`, every other as
    `score(model, data, progress=...)`; one of the images takes of the model only how it crops.
    ValueError for other needs or a name that is taken.
    """
    if needs not in NEEDS:
        raise ValueError(f"A score needs one of {', '.join(NEEDS)}; found {needs!r}.")

    def register(compute: Compute) -> Compute:
        if name in _SCORES:
            raise ValueError(f"There is an anomaly score {name!r} already; choose another name.")
        _SCORES[name] = AnomalyScore(name, title, meaning, needs, slow, of_lists, compute)
        return compute

    return register


def combination(name: str, title: str, meaning: str, parts: tuple[str, ...]) -> None:
    """Register the mean rank of other scores, of the vectors and of the images, as a score."""

    def compute(model: Any, data: Any, progress: Any = None) -> np.ndarray:
        from astrojepa.evaluation.anomalies.scoring import score_by_name

        return score_by_name(model, data, name, progress=progress)

    anomaly_score(name, title, meaning, "encoder")(compute)
    _SCORES[name] = replace(_SCORES[name], parts=parts)


def mean_rank(scores: Sequence[np.ndarray]) -> np.ndarray:
    """Average the ranks of several scores of the same galaxies: float64 (n,), in (0, 1]."""
    from scipy.stats import rankdata  # here: the first page imports this module, and no library

    ranks = [rankdata(score) / len(score) for score in scores]
    mean: np.ndarray = np.mean(ranks, axis=0)
    return mean


def all_scores() -> dict[str, AnomalyScore]:
    """Return every score by name, the default first."""
    import_modules("astrojepa.evaluation.anomalies.scores")
    order = sorted(
        _SCORES.values(), key=lambda score: (score.name != DEFAULT, NEEDS.index(score.needs))
    )
    return {score.name: score for score in order}


def vector_scores() -> tuple[str, ...]:
    """Return the names of the scores that need vectors alone."""
    return tuple(name for name, score in all_scores().items() if score.needs == "vectors")


def names() -> tuple[str, ...]:
    """Return every name that `score_by_name` takes."""
    return (*all_scores(), *(PIXELS + name for name in vector_scores()))


def find(name: str) -> AnomalyScore:
    """Return the score of this name; ValueError lists the known ones."""
    plain = name.removeprefix(PIXELS)
    if plain not in _SCORES:
        import_modules("astrojepa.evaluation.anomalies.scores")
    score = _SCORES.get(plain)
    if score is None or (name != plain and score.needs != "vectors"):
        raise ValueError(f"There is no anomaly score {name!r}; choose one of {', '.join(names())}.")
    return score


def find_vector_score(name: str) -> AnomalyScore:
    """Return the score of vectors with this name; ValueError lists the known ones."""
    score = _SCORES.get(name)
    if score is None or score.needs != "vectors":
        known = vector_scores()
        if name not in known:
            raise ValueError(
                f"There is no anomaly score {name!r} of vectors; choose one of {', '.join(known)}."
            )
        score = _SCORES[name]
    return score

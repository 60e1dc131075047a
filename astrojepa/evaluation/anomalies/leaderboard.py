"""The test of a score: one class is thinned, many times, and ranked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from sklearn.metrics import average_precision_score
from sklearn.metrics.pairwise import euclidean_distances

from astrojepa.evaluation.anomalies.registry import (
    Features,
    find_vector_score,
    mean_rank,
    vector_scores,
)
from astrojepa.evaluation.pictures.artefacts import LIKELY
from astrojepa.evaluation.pictures.checks import spearman
from astrojepa.evaluation.vectors.neighbour_index import Lists
from astrojepa.evaluation.vectors.neighbours import check_count, nearest
from astrojepa.evaluation.vectors.standardise import standardise
from astrojepa.progress import Listener, reporting


@dataclass(frozen=True)
class Ranking:
    """How well a score ranks rare galaxies first, one entry per draw; larger = better."""

    score: str
    average_precision: np.ndarray  # float64 (draws,), in (0, 1]; chance is the rare share
    recall: np.ndarray  # float64 (draws,), share of the rare among the `top` most anomalous
    enrichment: np.ndarray  # float64 (draws,), rare share of the top over that of all; 1 = chance
    # float64 (draws,), likely artefacts among the top; NaN where they were not given
    artefact_share: np.ndarray
    num_rare: int
    num_galaxies: int
    top: int
    # mean rank correlation with each property, in [-1, 1]
    follows: dict[str, float] = field(default_factory=dict)


def mean_interval(values: np.ndarray) -> tuple[float, float, float]:
    """Return (mean, low, high): the mean and the range of 95 % of the draws."""
    low, high = np.quantile(values, [0.025, 0.975])
    return float(np.mean(values)), float(low), float(high)


def leaderboard(
    vectors: np.ndarray,
    rare: np.ndarray,
    fraction: float = 0.02,
    draws: int = 100,
    seed: int = 0,
    *,
    scores: Sequence[str] | None = None,
    k: int = 20,
    fixed: Mapping[str, np.ndarray] | None = None,
    combined: Mapping[str, Sequence[str]] | None = None,
    artefacts: np.ndarray | None = None,
    properties: Mapping[str, np.ndarray] | None = None,
    top: int = 100,
    progress: Listener = None,
) -> list[Ranking]:
    """Rank all galaxies by each score after thinning the rare ones to `fraction`, `draws` times.

    `vectors` (n, D), finite; `rare` int (n,): 1 = rare, 0 = common, -1 = unknown, which is left
    out since it might be rare. `scores` are methods of `anomaly_scores` (default all), computed
    anew for each draw; `fixed` holds scores (n,) that do not depend on the other galaxies;
    `combined` names the scores, of both kinds, whose mean rank in a draw is another score;
    `artefacts` (n,) are likelihoods; `properties` (n,) of the images are what a score should not
    follow. Which galaxies a draw keeps follows from (seed, draw) and `rare` alone, so that runs on
    other vectors are paired. Features are standardised on the common galaxies, once; `k` is at
    most the number of other common galaxies. With few rare galaxies the draws overlap: their
    interval says how much a ranking depends on which were kept, not how it would do elsewhere.

    Raises ValueError for no rare or fewer than 2 common galaxies, vectors that are not finite or of
    another length, fewer rare galaxies than the fraction asks for, an unknown score, or draws, top
    or k < 1.
    """
    fixed, combined, properties = dict(fixed or {}), combined or {}, dict(properties or {})
    scores = vector_scores() if scores is None else scores
    check_count(k)
    if min(draws, top) < 1:
        raise ValueError(f"Expected draws and top of at least 1, found {draws} and {top}.")
    further = properties | ({} if artefacts is None else {"artefacts": artefacts})
    _check(vectors, rare, fixed, further, scores)
    common, rows_of_rare = np.flatnonzero(rare == 0), np.flatnonzero(rare == 1)
    count = num_kept(len(common), len(rows_of_rare), fraction)
    k = min(k, len(common) - 1)
    known, others = standardise(
        vectors[common].astype(np.float32), vectors[rows_of_rare].astype(np.float32)
    )
    truth = np.arange(len(common) + count) >= len(common)
    top = min(top, len(truth))
    measures: dict[str, list[list[float]]] = {name: [] for name in (*scores, *fixed, *combined)}
    with reporting(progress, draws, "leaderboard") as report:
        lists = _lists(known, others, k) if scores else None
        for draw in range(draws):
            generator = np.random.default_rng((seed, draw))
            kept = np.sort(generator.choice(len(rows_of_rare), count, replace=False))
            rows = np.concatenate([common, rows_of_rare[kept]])
            ranked = dict(_scored(known, others, kept, scores, lists, k, seed + draw))
            ranked |= {name: values[rows] for name, values in fixed.items()}
            ranked |= {
                name: mean_rank([ranked[part] for part in parts])
                for name, parts in combined.items()
            }
            for name, values in ranked.items():
                plain = (
                    np.nan if artefacts is None else artefact_share(values, artefacts[rows], top)
                )
                rhos = [spearman(values, numbers[rows]) for numbers in properties.values()]
                measures[name].append([*precision_recall(truth, values, top), plain, *rhos])
            report(draw + 1)
    return [
        _ranking(name, np.array(numbers), tuple(properties), count, len(truth), top)
        for name, numbers in measures.items()
    ]


def _ranking(
    name: str, numbers: np.ndarray, about: tuple[str, ...], rare: int, galaxies: int, top: int
) -> Ranking:
    """Gather what was measured, (draws, 3 + properties)."""
    precision, recall, shares = numbers[:, :3].T
    follows = dict(zip(about, numbers[:, 3:].mean(axis=0).tolist(), strict=True))
    enrichment = recall * galaxies / top
    return Ranking(name, precision, recall, enrichment, shares, rare, galaxies, top, follows)


def num_kept(num_common: int, num_rare: int, fraction: float) -> int:
    """Return how many rare galaxies make up `fraction`, >= 1; ValueError if too few."""
    if not 0 < fraction < 1:
        raise ValueError(
            f"The fraction of the rare class is {fraction:g}; choose one between 0 and 1, such as "
            "0.02."
        )
    if num_rare == 0 or num_common < 2:
        raise ValueError(
            f"Expected rare galaxies and at least 2 others, found {num_rare} and {num_common}; "
            f"choose another class or data."
        )
    count = max(1, round(fraction * num_common / (1 - fraction)))
    if count > num_rare:
        possible = num_rare / (num_rare + num_common)
        raise ValueError(
            f"A fraction of {fraction:g} needs {count} rare galaxies and there are {num_rare}; "
            f"choose at most {possible:.2g}."
        )
    return count


def precision_recall(truth: np.ndarray, values: np.ndarray, top: int) -> tuple[float, float]:
    """Return (average precision, share of true in the `top`); ties keep row order."""
    return float(average_precision_score(truth, values)), float(
        truth[_strangest(values, top)].sum() / truth.sum()
    )


def artefact_share(values: np.ndarray, artefacts: np.ndarray, top: int) -> float:
    """Return the share of likely artefacts, in [0, 1], among the `top` largest values."""
    return float((artefacts[_strangest(values, top)] > LIKELY).mean())


def _strangest(values: np.ndarray, top: int) -> np.ndarray:
    return np.argsort(-values, kind="stable")[:top]


def _lists(known: np.ndarray, others: np.ndarray, k: int) -> Lists:
    """Return neighbours among the common galaxies: common rows first, then rare ones."""
    within = nearest(known, known, k, exclude=np.arange(len(known)))
    across = nearest(known, others, k)
    return np.concatenate([within[0], across[0]]), np.concatenate([within[1], across[1]])


def _scored(
    known: np.ndarray,
    others: np.ndarray,
    kept: np.ndarray,
    scores: Sequence[str],
    lists: Lists | None,
    k: int,
    seed: int,
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield (name, score) of the common galaxies followed by the kept rare ones."""
    if lists is None:
        return
    vectors = np.concatenate([known, others[kept]])
    merged = _merge(vectors, len(known), kept, lists, k)
    features = Features(vectors, vectors, k, within=True, seed=seed, lists=merged)
    for name in scores:
        yield name, find_vector_score(name).compute(features)


def _merge(features: np.ndarray, num_common: int, kept: np.ndarray, lists: Lists, k: int) -> Lists:
    """Add rare galaxies to the lists of common neighbours, without another search."""
    rows = np.concatenate([np.arange(num_common), num_common + kept])
    to_rare = euclidean_distances(features, features[num_common:])
    own = np.arange(len(kept))
    to_rare[num_common + own, own] = np.inf
    distances = np.concatenate([lists[0][rows], to_rare], axis=1)
    indices = np.concatenate(
        [lists[1][rows], np.broadcast_to(num_common + own, to_rare.shape)], axis=1
    )
    chosen = np.argpartition(distances, k - 1, axis=1)[:, :k]
    chosen = np.take_along_axis(
        chosen, np.argsort(np.take_along_axis(distances, chosen, 1), axis=1), 1
    )
    return np.take_along_axis(distances, chosen, 1), np.take_along_axis(indices, chosen, 1)


def _check(
    vectors: np.ndarray,
    rare: np.ndarray,
    fixed: Mapping[str, np.ndarray],
    further: Mapping[str, np.ndarray],
    scores: Sequence[str],
) -> None:
    for name in scores:
        find_vector_score(name)
    for name, values in {"rare": rare, **fixed, **further}.items():
        if len(values) != len(vectors):
            raise ValueError(
                f"There are {len(vectors)} vectors and {len(values)} of {name}; give one each per "
                f"galaxy."
            )
    for name, values in {"vectors": vectors, **fixed}.items():
        if not np.isfinite(values[rare >= 0]).all():
            raise ValueError(
                f"Some {name} are not finite; leave those galaxies out, or check whether the "
                f"training diverged."
            )

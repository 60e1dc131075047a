"""Probes with few labels, drawn several times."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.stats import t as student

from astrojepa.evaluation.probes.classification import linear_probe
from astrojepa.evaluation.probes.parts import labelled
from astrojepa.types import Embeddings, FewLabelPoint, ProbeResult

SHARES = (0.01, 0.05, 0.1, 1.0)
PER_CLASS = (1, 5, 10, 20)
ENOUGH_TO_CHOOSE = 1000  # labels


def few_label_curve(
    known: Embeddings,
    new: Embeddings,
    *,
    shares: tuple[float, ...] = SHARES,
    per_class: tuple[int, ...] = PER_CLASS,
    draws: int = 10,
    seed: int = 0,
    probe: Callable[..., ProbeResult] | None = None,
) -> tuple[FewLabelPoint, ...]:
    """Score a probe on few labels of `known`, several times: a point per budget, on all of `new`.

    A budget is a share of every class (at least one galaxy each) or a number per class (all of a
    class that has fewer). Draw i orders each class at random by (seed, i), so that small budgets
    lie inside large ones, and two sets of vectors of the same galaxies learn from the same ones:
    their draws are pairs. A budget of everything is drawn once.

    The probe, `few_label_probe` if none is given, is called as probe(known, new, seed=draw):
    nothing may be chosen by labels beyond the budget, such as those of a larger validation set.

    Raises ValueError for fewer than 1 draw, a share outside (0, 1], a number below 1, and as the
    probe does.
    """
    if (
        draws < 1
        or not all(0 < share <= 1 for share in shares)
        or not all(number >= 1 for number in per_class)
    ):
        raise ValueError(
            f"Expected draws >= 1, shares in (0, 1] and numbers >= 1, found {draws}, {shares} and "
            f"{per_class}."
        )
    labelled(known, "known")
    budgets: list[int | float] = [*sorted(per_class), *map(float, sorted(shares))]
    return tuple(
        _point(known, new, budget, draws, seed, probe or few_label_probe) for budget in budgets
    )


def few_label_probe(known: Embeddings, new: Embeddings, seed: int = 0) -> ProbeResult:
    """Score the linear probe with C = 1 below 1000 labels, and with C chosen from there on.

    Choosing by a fifth of a few labels is a lottery: with 20 per class on real galaxies it cost
    hand-made statistics 6 points of balanced accuracy and tripled their scatter; five-fold choice
    reached no more than C = 1, at thirty times the cost.
    """
    enough = (np.asarray(known.labels) >= 0).sum() >= ENOUGH_TO_CHOOSE
    return linear_probe(known, new, seed=seed, strength=None if enough else 1.0)


def mean_over_draws(values: np.ndarray) -> tuple[float, float | None, float | None]:
    """Return the mean over draws and its 95 % interval by Student's t; None, None for one draw.

    Of the differences of two paired curves, one *beats* the other when the interval excludes 0. The
    interval is about which galaxies happen to be labelled; the test galaxies are fixed.
    """
    mean = float(np.mean(values))
    if len(values) < 2:
        return mean, None, None
    half = float(
        student.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values))
    )
    return mean, mean - half, mean + half


def _point(
    known: Embeddings,
    new: Embeddings,
    budget: int | float,
    draws: int,
    seed: int,
    probe: Callable[..., ProbeResult],
) -> FewLabelPoint:
    labels = np.asarray(known.labels)
    results: list[ProbeResult] = []
    for draw in range(draws):
        rows = _drawn(labels, budget, (seed, draw))
        results.append(probe(known.subset(rows), new, seed=draw))
        if len(rows) == (labels >= 0).sum():
            break
    return FewLabelPoint(
        f"{budget} per class" if isinstance(budget, int) else f"{100 * budget:g} %",
        results[0].num_train,
        np.array([result.accuracy for result in results]),
        np.array([result.balanced_accuracy for result in results]),
    )


def _drawn(labels: np.ndarray, budget: int | float, seed: tuple[int, int]) -> np.ndarray:
    """Return ascending rows: the first of each class in random order, a number or share."""
    chosen = []
    for label in np.unique(labels[labels >= 0]):
        members = np.random.default_rng((*seed, int(label))).permutation(
            np.flatnonzero(labels == label)
        )
        chosen.append(
            members[: budget if isinstance(budget, int) else max(1, round(budget * len(members)))]
        )
    return np.sort(np.concatenate(chosen))

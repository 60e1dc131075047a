"""Ridge regression from frozen embeddings to a number, in closed form."""

from __future__ import annotations

import numpy as np
from scipy.stats import spearmanr

from astrojepa.evaluation.vectors.standardise import check_same_width, checked_vectors, standardise
from astrojepa.types import Embeddings, RegressionResult

PENALTIES = 10.0 ** np.arange(-6, 4)  # of the mean squared error; smaller = weaker
FIXED_PENALTY = 0.1  # where too few values are known to choose
FEWEST_TO_CHOOSE = 5
_DRAWN_AT_ONCE = 4_000_000  # row numbers of a bootstrap in memory at a time


def linear_regression_probe(
    known: Embeddings,
    new: Embeddings,
    known_values: np.ndarray,
    new_values: np.ndarray,
    *,
    validation: tuple[Embeddings, np.ndarray] | None = None,
    seed: int = 0,
) -> RegressionResult:
    """Fit a number (n,) from vectors (n, D) by ridge regression; score it once on `new`.

    Features are standardised on `known` alone. Minimises mean (y - x·w - b)² + penalty ‖w‖², by the
    normal equations along the features' principal axes; the penalty is the one of 1e-6 ... 1000
    with the smallest squared error on `validation` = (embeddings, values), or, without one, on 20 %
    of `known` drawn with `seed`, after which all of `known` is fitted; a tie goes to the stronger.
    With fewer than 5 known values the penalty is 0.1. Values that are NaN are unknown and left out
    everywhere.

    Raises ValueError where no value or only one is known, all are equal, one is infinite, there are
    not as many as vectors, the widths differ or a vector is not finite. *Source:* Hoerl & Kennard
    1970, Technometrics 12, 55.
    """
    features, values, _ = _valued(known, known_values, "known")
    targets, truth, rows = _valued(new, new_values, "new")
    check_same_width(features, targets)
    _refuse_equal(values, "known")
    _refuse_equal(truth, "new")
    check, check_values = features[:0], values[:0]
    if validation is not None:
        check, check_values, _ = _valued(*validation, "validation")
        check_same_width(features, check)
    features, targets, check = standardise(features, targets, check)
    fitted = np.arange(len(values))
    if validation is None and len(values) >= FEWEST_TO_CHOOSE:
        order = np.random.default_rng(seed).permutation(len(values))
        held, fitted = order[: round(0.2 * len(order))], order[round(0.2 * len(order)) :]
        check, check_values = features[held], values[held]
    penalty, remark = FIXED_PENALTY, " (fixed: too few values to choose)"
    if len(check_values):
        slopes, offset = ridge(features[fitted], values[fitted], PENALTIES)
        errors = np.square(check @ slopes + offset - check_values[:, None]).mean(axis=0)
        penalty, remark = float(PENALTIES[len(errors) - 1 - errors[::-1].argmin()]), ""
    slopes, offset = ridge(features, values, np.array([penalty]))
    predictions = (targets @ slopes + offset)[:, 0]
    return score_regression(
        truth, predictions, rows, len(values), f"penalty = {penalty:g}{remark}", seed
    )


def mean_value_probe(
    known: Embeddings, new: Embeddings, known_values: np.ndarray, new_values: np.ndarray
) -> RegressionResult:
    """Predict the known mean for every new galaxy: the baseline, R² about 0."""
    _, values, _ = _valued(known, known_values, "known")
    _, truth, rows = _valued(new, new_values, "new")
    _refuse_equal(truth, "new")
    return score_regression(
        truth, np.full(len(truth), values.mean()), rows, len(values), f"always {values.mean():.4g}"
    )


def ridge(
    features: np.ndarray, values: np.ndarray, penalties: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return slopes (D, p) and offsets (p,), float64, of mean (y - x·w - b)² + penalty ‖w‖².

    The offset is not penalised, and the (n, D) features need not be centred.
    """
    data = features.astype(np.float64)
    middle, mean = data.mean(axis=0), values.mean()
    data -= middle
    variances, axes = np.linalg.eigh(data.T @ data / len(data))
    along = axes.T @ (data.T @ (values - mean)) / len(data)
    slopes = axes @ (along[:, None] / (np.maximum(variances, 0.0)[:, None] + penalties))
    return slopes, mean - middle @ slopes


def score_regression(
    truth: np.ndarray,
    predictions: np.ndarray,
    rows: np.ndarray,
    num_train: int,
    setting: str,
    seed: int = 0,
) -> RegressionResult:
    """Score predictions (n,) against truth (n,), with the 95 % bootstrap interval of R².

    The interval says nothing about other training sets. The rank correlation with constant
    predictions is 0.
    """
    errors = np.square(truth - predictions)
    drawn = _drawn_r2(truth, errors[:, None], seed)[:, 0]
    low, high = np.quantile(drawn, [0.025, 0.975])
    ranks = 0.0 if np.ptp(predictions) == 0 else float(spearmanr(truth, predictions).statistic)
    return RegressionResult(
        r2=float(1 - errors.mean() / truth.var()),
        interval=(float(low), float(high)),
        rmse=float(np.sqrt(errors.mean())),
        spearman=ranks,
        truth=truth,
        predictions=predictions,
        rows=rows,
        num_train=num_train,
        setting=setting,
    )


def paired_r2_bootstrap(
    a: RegressionResult, b: RegressionResult, seed: int = 0
) -> tuple[float, float, float]:
    """Return (difference, low, high) of R² a - b on the same galaxies, 95 % bootstrap interval.

    One *beats* the other when the interval excludes 0. Raises ValueError where the scored rows or
    their values differ.
    """
    if not np.array_equal(a.rows, b.rows) or not np.array_equal(a.truth, b.truth):
        raise ValueError(
            f"The regressions were scored on different galaxies ({len(a.rows)} and {len(b.rows)} "
            "rows, or other values); compare results on one test set only."
        )
    errors = np.square(a.truth[:, None] - np.column_stack([a.predictions, b.predictions]))
    drawn = _drawn_r2(a.truth, errors, seed)
    low, high = np.quantile(drawn[:, 0] - drawn[:, 1], [0.025, 0.975])
    return a.r2 - b.r2, float(low), float(high)


def _drawn_r2(truth: np.ndarray, errors: np.ndarray, seed: int, draws: int = 2000) -> np.ndarray:
    """Return R² of bootstrap draws, (draws, k), from squared errors (n, k)."""
    count, centred = len(truth), truth - truth.mean()
    columns = np.column_stack([centred, centred**2, errors])
    generator = np.random.default_rng(seed)
    parts, step = [], max(1, _DRAWN_AT_ONCE // count)
    for first in range(0, draws, step):
        chosen = generator.integers(count, size=(min(step, draws - first), count))
        parts.append(np.stack([column[chosen].mean(axis=1) for column in columns.T], axis=1))
    means = np.concatenate(parts)
    variance = means[:, 1] - means[:, 0] ** 2
    spread = variance > 1e-12 * centred.var()
    return 1 - means[spread, 2:] / variance[spread, None]


def _valued(
    embeddings: Embeddings, values: np.ndarray, which: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return vectors, values and row numbers where the value is known."""
    vectors, values = checked_vectors(embeddings), np.asarray(values, dtype=np.float64)
    if values.shape != (len(vectors),):
        raise ValueError(
            f"The {len(vectors)} {which} galaxies need one value each, found shape {values.shape}; "
            f"NaN is unknown."
        )
    if np.isinf(values).any():
        raise ValueError(
            f"The value of galaxy {embeddings.ids[np.isinf(values)][0]} is infinite; make it NaN "
            f"if it is unknown."
        )
    rows = np.flatnonzero(~np.isnan(values))
    if not len(rows):
        raise ValueError(
            f"The value is unknown for all {len(values)} {which} galaxies; a regression needs "
            f"known ones."
        )
    return vectors[rows], values[rows], rows


def _refuse_equal(values: np.ndarray, which: str) -> None:
    if np.ptp(values) == 0:
        raise ValueError(
            f"All {len(values)} known values of the {which} galaxies are {values[0]:g}; a "
            f"regression needs values that differ."
        )

"""Collapse of embeddings: warnings, not a ranking of good encoders."""

from __future__ import annotations

from typing import Any

import numpy as np

from astrojepa.evaluation.vectors.standardise import standardise
from astrojepa.types import CollapseGauges

RANK_ALARM = 10.0  # an effective rank below this, or ...
SHARE_ALARM = 0.05  # ... below this share of the width, says that the embeddings collapse
SHARE_NARROW = 0.1  # below this share of the width, few directions are used
COSINE_ALARM = 0.95  # a mean pairwise cosine above this says that all vectors point the same way
_SAMPLE = 2048


def gauged_rows(count: int, seed: int = 0) -> np.ndarray:
    """Return the rows of `count` that the gauges are measured on: all, or 2048 by `seed`; int64."""
    if count <= _SAMPLE:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, _SAMPLE, replace=False))


def collapse_gauges(
    vectors: Any, *, hand_made: np.ndarray | None = None, seed: int = 0
) -> CollapseGauges:
    """Measure the spread of embeddings (n, D), array or tensor, on at most 2048 rows by `seed`.

    - effective rank: exp(-Σ p ln p), p = σ / Σσ over the singular values of the centred vectors; 0
      when all vectors are equal, 1 on a line, at most min(n - 1, D). Larger = more spread.
      *Source:* RankMe (Garrido et al. 2023, arXiv:2210.02885), eq. 1; we centre first, so that a
      common offset does not count as a direction.
    - feature std: mean over features of the standard deviation, >= 0.
    - mean cosine over pairs of different rows, in [-1, 1]: (‖Σu‖² - n) / (n (n - 1)) with unit
      vectors u; 1 = collapsed. A zero vector has no direction and counts as agreeing with
      everything when all are zero.

    The verdict is *collapsing* where all vectors are equal, where the effective rank lies under 10
    (under a quarter of the width where that is less) or under 5 % of the width, or where the mean
    cosine exceeds 0.95. It is *narrow*, which is no alarm, where the rank lies under 10 % of the
    width, or under that of `hand_made`: statistics of the same rows, finite (m, S), such as
    `summary_statistics` of the rows that `gauged_rows` gives. Their columns have different units,
    so they are standardised first. *Width* is min(n - 1, D).

    Raises ValueError for fewer than 2 vectors, non-finite ones, or `hand_made` of other rows.

    Examples:
        >>> gauges = aj.collapse_gauges(np.random.default_rng(0).normal(size=(500, 16)))
        >>> 15 < gauges.effective_rank <= 16
        True
    """
    array = _as_array(vectors)
    if array.ndim != 2 or len(array) < 2 or array.shape[1] < 1:
        raise ValueError(
            f"Collapse gauges need at least 2 vectors of shape (n, D), found {array.shape}."
        )
    array = array[gauged_rows(len(array), seed)]
    array = array.astype(np.float64)
    if not np.isfinite(array).all():
        raise ValueError("The embeddings are not finite; the training has diverged.")
    rank = effective_rank(array)
    cosine = mean_cosine(array)
    deviation = float(array.std(axis=0).mean())
    possible = min(len(array) - 1, array.shape[1])
    alarms = _alarms(rank, cosine, possible)
    measured = None if hand_made is None else _hand_made_rank(hand_made, len(array))
    narrow = not alarms and (
        rank < SHARE_NARROW * possible or (measured is not None and rank < measured)
    )
    if alarms:
        verdict = f"{'Collapsing' if rank else 'Collapsed'}: {' and '.join(alarms)}."
    else:
        beside = "" if measured is None else f"; hand-made statistics: {measured:.1f}"
        verdict = (
            f"{'Few directions' if narrow else 'No sign of collapse'}: effective rank {rank:.1f} "
            f"of {possible} ({100 * rank / possible:.0f} % of the width{beside}), mean pairwise "
            f"cosine {round(cosine, 2) + 0.0:.2f}."
        )
    return CollapseGauges(rank, deviation, cosine, verdict, bool(alarms), narrow, measured)


def _hand_made_rank(statistics: np.ndarray, count: int) -> float:
    if len(statistics) != count:
        raise ValueError(
            f"There are hand-made statistics of {len(statistics):,} galaxies for {count:,} "
            "embeddings; give those of the same rows (gauged_rows)."
        )
    return effective_rank(standardise(np.asarray(statistics, dtype=np.float32))[0].astype(float))


def effective_rank(vectors: np.ndarray) -> float:
    """Return exp(entropy of normalised singular values) of centred (n, D): 0 = a point."""
    centred = vectors - vectors.mean(axis=0)
    if np.sqrt(np.square(centred).mean()) <= 1e-6 * np.sqrt(np.square(vectors).mean()):
        return 0.0
    gram = centred.T @ centred if centred.shape[0] >= centred.shape[1] else centred @ centred.T
    singular = np.sqrt(np.maximum(np.linalg.eigvalsh(gram), 0.0))
    share = singular / singular.sum()
    share = share[share > 1e-7]  # below this the square root of rounding errors
    return float(np.exp(-(share * np.log(share)).sum()))


def mean_cosine(vectors: np.ndarray) -> float:
    """Return the mean cosine over all pairs of different rows of (n, D)."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not lengths.any():
        return 1.0
    units = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    total = np.square(units.sum(axis=0)).sum() - np.square(units).sum()
    return float(np.clip(total / (len(units) * (len(units) - 1)), -1.0, 1.0))


def _alarms(rank: float, cosine: float, possible: int) -> list[str]:
    alarm = max(min(RANK_ALARM, possible / 4), SHARE_ALARM * possible)
    if rank == 0.0:
        return ["all embeddings are equal"]
    alarms = []
    if rank < alarm:
        alarms.append(f"the effective rank is {rank:.1f} of {possible}, under {alarm:g}")
    if cosine > COSINE_ALARM:
        alarms.append(f"the mean pairwise cosine is {cosine:.2f}, over {COSINE_ALARM:g}")
    return alarms


def _as_array(vectors: Any) -> np.ndarray:
    if hasattr(vectors, "detach"):
        vectors = vectors.detach().float().cpu().numpy()
    return np.asarray(vectors)

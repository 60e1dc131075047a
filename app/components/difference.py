"""A difference of two accuracies in words: better or worse only if its interval excludes 0."""

from __future__ import annotations

from collections.abc import Sequence


def words(difference: Sequence[float]) -> tuple[str, str]:
    """Return verb and numbers for (mean, low, high), fractions of 1."""
    mean, low, high = (100 * value for value in difference)
    verb = (
        "is better than"
        if low > 0
        else "is worse than"
        if high < 0
        else "does not differ significantly from"
    )
    numbers = f"{mean:+.1f} points, 95 % interval {low:+.1f} to {high:+.1f}"
    return verb, numbers.replace("-", "\N{MINUS SIGN}")

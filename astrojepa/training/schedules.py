"""Schedules as pure functions of the step."""

from __future__ import annotations

import math

from astrojepa.config import OptimConfig


def warmup_steps(config: OptimConfig, steps_per_epoch: int, total_steps: int) -> int:
    """Return the length of the warm-up: `warmup_epochs`, but at most 10 per cent of the steps."""
    return min(round(config.warmup_epochs * steps_per_epoch), total_steps // 10)


def learning_rate(step: int, total_steps: int, warmup: int, config: OptimConfig) -> float:
    """Return the rate of a step: linear warm-up, then half a cosine down."""
    if step < warmup:
        return config.learning_rate * (step + 1) / warmup
    done = (step - warmup) / max(1, total_steps - 1 - warmup)
    return config.final_learning_rate + (
        config.learning_rate - config.final_learning_rate
    ) * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


def momentum(step: int, total_steps: int, config: OptimConfig) -> float:
    """Return the target encoder's momentum: a straight line from `config.momentum` to 1."""
    return config.momentum + (1.0 - config.momentum) * min(1.0, step / max(1, total_steps))


def snapshot_steps(total_steps: int, count: int) -> set[int]:
    """Return up to `count` steps evenly spaced in log(step), coinciding ones once."""
    if not count:
        return set()
    spacing = math.log(total_steps) / max(1, count - 1)
    return {total_steps, *(round(math.exp(k * spacing)) for k in range(count - 1))}

"""Precision of a network: float32, or bfloat16 by autocast, by setting or device.

Losses, SIGReg, gauges, weights and their running statistics are float32 in both.
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager

import torch

from astrojepa import distributed
from astrojepa.config import PRECISIONS, TrainConfig, replace
from astrojepa.settings import one_of

# what "auto" is; for tests, and for those who distrust what a device claims
VARIABLE = "ASTROJEPA_PRECISION"


def resolve(wanted: str, device: torch.device) -> tuple[str, str]:
    """Return a setting's precision on a device, "float32" or "bfloat16", and why.

    "auto" is what $ASTROJEPA_PRECISION names, else bfloat16 where the device multiplies matrices in
    it: GPUs that do not emulate it, and CPUs with AMX. A CPU with AVX512-BF16 alone does not count:
    products were found to take twice as long there as in float32. ValueError for any other word.
    """
    one_of("precision", wanted, PRECISIONS)
    if wanted != "auto":
        return wanted, "as asked for"
    if forced := os.environ.get(VARIABLE, ""):
        one_of(VARIABLE, forced, PRECISIONS[1:])
        return forced, f"${VARIABLE}"
    if device.type == "cuda":
        able, what = torch.cuda.is_bf16_supported(including_emulation=False), "this GPU"
    else:
        able, what = bool(torch.cpu.get_capabilities().get("amx_bf16")), "this processor"
    if able:
        return ("bfloat16", f"{what} is made for it")
    return ("float32", f"{what} is not made for bfloat16")


def decided(config: TrainConfig, device: torch.device) -> tuple[TrainConfig, str]:
    """Return the config with its precision resolved by process 0, and why."""
    precision, why = distributed.from_first(lambda: resolve(config.precision, device))
    return replace(config, precision=precision), why


def kept(config: TrainConfig) -> tuple[TrainConfig, str]:
    """Return the config of a resumed run with the precision it began with, and why.

    A run from before this was a setting goes on in float32: what it computed in was not written
    down, and most processors took that.
    """
    if config.precision == "auto":
        return replace(config, precision="float32"), "the run's config is older than this setting"
    return config, "as the run began"


def computing(precision: str, device: torch.device) -> AbstractContextManager[None]:
    """Return a context in which networks compute in a resolved precision."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")

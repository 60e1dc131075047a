"""Small constant tensors, made once per device."""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import Tensor


@functools.lru_cache(maxsize=64)
def constant(values: Any, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return nested tuples of numbers as a tensor that must not be written to.

    It is kept: each copy from the host's memory makes the host wait for all that a GPU has queued.
    """
    with torch.inference_mode(False):  # whoever asks first, gradients can pass through it later
        return torch.tensor(values, dtype=dtype, device=device)

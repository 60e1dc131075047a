"""Memory of a training: reuse on a CPU, and advice when a GPU is full."""

from __future__ import annotations

import contextlib
import ctypes
import sys
from collections.abc import Iterator

import torch

from astrojepa.config import TrainConfig

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # mallopt(3)


def keep_freed_memory() -> None:
    """Have the C library keep freed memory, whose clearing took a fifth of a step."""
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # glibc's; others have none
        if mallopt is not None:
            mallopt(M_MMAP_MAX, 0)
            mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


@contextlib.contextmanager
def saying_what_to_lower(config: TrainConfig) -> Iterator[None]:
    """Turn a full GPU into a MemoryError that names the settings to lower."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        parts, first = config.optim.accumulate, (str(error).splitlines() or [""])[0]
        raise MemoryError(
            f"The GPU has too little memory for this training ({first[:120].rstrip('. ')}). Start "
            f"again with `accumulate` {2 * parts} (now {parts}), which gives the same steps in "
            f"more parts, or with a lower `batch_size` (now {config.optim.batch_size}) or "
            f"`image_size` (now {config.image.image_size}); if something else filled the GPU, end "
            "that and resume the run."
        ) from error

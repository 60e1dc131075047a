"""What to say when a GPU has too little memory."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

from astrojepa.config import TrainConfig


@contextlib.contextmanager
def saying_what_to_lower(config: TrainConfig) -> Iterator[None]:
    """Turn torch's report of a full GPU into a MemoryError that names the settings to change and their values."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        parts, first = config.optim.accumulate, (str(error).splitlines() or [""])[0]
        raise MemoryError(
            f"The GPU has too little memory for this training ({first[:120].rstrip('. ')}). Start again with --accumulate {2 * parts} "
            f"(now {parts}), which gives the same steps in more parts, or with a lower --batch-size (now {config.optim.batch_size}) or "
            f"--image-size (now {config.image.image_size}); if something else filled the GPU, end that and --resume the run."
        ) from error

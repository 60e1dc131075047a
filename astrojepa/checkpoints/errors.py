"""What is wrong with a checkpoint."""

from __future__ import annotations

from astrojepa.wording import OneLineError


class CheckpointError(OneLineError):
    """A file is not a checkpoint that can be loaded, and the message says why."""

"""What is wrong with a checkpoint."""

from __future__ import annotations

from astrojepa.wording import one_line


class CheckpointError(ValueError):
    """A file is not a checkpoint that can be loaded, and the message says why."""

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))

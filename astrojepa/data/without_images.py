"""Galaxies of which there are no images: what vectors alone tell."""

from __future__ import annotations

import numpy as np

from astrojepa.data import DataError


class NoImages:
    """A reader that has none; asked for one, it says so."""

    def __init__(self, name: str) -> None:
        self.name = name

    def read(self, row: int) -> np.ndarray:
        """Raise DataError."""
        raise DataError(
            f"{self.name} holds vectors and no images; give the images of the same galaxies as "
            f"data too."
        )

"""Hand-made numbers of every galaxy at its own size, so that no zoom changes them."""

from __future__ import annotations

import numpy as np
import torch

from astrojepa.evaluation.baselines.polar_fourier import polar_fourier
from astrojepa.evaluation.baselines.shape_statistics import shape_statistics
from astrojepa.models.encoders.petrosian import SIDE, own_square, reach


def own_size(images: np.ndarray) -> np.ndarray:
    """Measure images, uint8 (n, S, S, 3), within 1.5 Petrosian radii: float32 (n, 230).

    They are `shape_statistics` and `polar_fourier` of the square of 64 × 64 pixels that reaches so
    far, or as far as the image (`reach`).
    """
    flux = torch.from_numpy(np.asarray(images)).permute(0, 3, 1, 2) / 255
    squares = own_square(flux, reach(flux), SIDE)
    pictures = (255 * squares).round().byte().permute(0, 2, 3, 1).numpy()
    return np.concatenate([shape_statistics(pictures), polar_fourier(pictures)], axis=1)

"""Hand-made statistics of the clean images, the targets of the describer."""

from __future__ import annotations

import numpy as np

from astrojepa.config import ImageConfig
from astrojepa.data.dataset import Dataset
from astrojepa.evaluation.vectors.embed import crop_statistics, polar_statistics
from astrojepa.evaluation.vectors.standardise import standardise

# standard deviations at which numbers are cut: a flooded frame teaches no more than an odd galaxy
_FARTHEST = 4.0


def described_numbers(data: Dataset, image: ImageConfig) -> np.ndarray:
    """Return `shape_statistics` and `polar_fourier` of the crop, float32 (n, 230), scaled."""
    numbers = np.concatenate(
        [measure(data, image).vectors for measure in (crop_statistics, polar_statistics)], axis=1
    )
    return np.clip(standardise(numbers)[0], -_FARTHEST, _FARTHEST)

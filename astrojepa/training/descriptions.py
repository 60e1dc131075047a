"""Hand-made statistics of the clean images, the targets of the describer."""

from __future__ import annotations

import numpy as np

from astrojepa.config import TrainConfig
from astrojepa.data.dataset import Dataset
from astrojepa.evaluation.vectors.embed import (
    crop_statistics,
    own_size_statistics,
    polar_statistics,
)
from astrojepa.evaluation.vectors.standardise import standardise
from astrojepa.models.encoders.registry import find_encoder

# standard deviations at which numbers are cut: a flooded frame teaches no more than an odd galaxy
_FARTHEST = 4.0


def described_numbers(data: Dataset, config: TrainConfig) -> np.ndarray:
    """Return `shape_statistics` and `polar_fourier`, float32 (n, 230), scaled.

    They are those of the crop, or of the galaxy's own size where the encoder sees that.
    """
    own_size = find_encoder(config.model.backbone).own_size
    measures = (own_size_statistics,) if own_size else (crop_statistics, polar_statistics)
    numbers = np.concatenate([measure(data, config.image).vectors for measure in measures], axis=1)
    return np.clip(standardise(numbers)[0], -_FARTHEST, _FARTHEST)

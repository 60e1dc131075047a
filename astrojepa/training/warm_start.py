"""Begin with what another model has learned instead of random weights."""

from __future__ import annotations

from torch import nn

from astrojepa.checkpoints.model import Model
from astrojepa.models.jepa import JEPA

RESIZED = "rings.head."  # its width depends on the number of rings, and so on the image size


def start_with(network: JEPA, model: Model) -> None:
    """Fill encoder, moving average and those heads that fit with the model's weights.

    The linear layer after the rings stays random where the image size, and with it the number of
    rings, is another. ValueError where any other tensor of the encoder differs.
    """
    given, own = model.network.evaluated.state_dict(), network.encoder.state_dict()
    fitting = {
        name: value
        for name, value in given.items()
        if name in own and own[name].shape == value.shape
    }
    missing = [name for name in own if name not in fitting]
    if unlike := [name for name in missing if not name.startswith(RESIZED)]:
        raise ValueError(
            f"`start_from` {model.id} has another encoder than this run: {len(unlike)} of "
            f"{len(own)} tensors differ, {unlike[0]} first. Give its `preset`, or its `backbone`, "
            "`readout`, `width` and `depth`."
        )
    if missing:
        fitting = {name: v for name, v in fitting.items() if not name.startswith(RESIZED)}
    for part in (network.encoder, network.target_encoder):
        if part is not None:
            part.load_state_dict(fitting, strict=False)
    for name in ("predictor", "projector", "describer"):
        part, known = getattr(network, name), getattr(model.network, name)
        if part is not None and known is not None and _alike(part, known):
            part.load_state_dict(known.state_dict())


def _alike(part: nn.Module, other: nn.Module) -> bool:
    shapes = [
        {name: value.shape for name, value in each.state_dict().items()} for each in (part, other)
    ]
    return shapes[0] == shapes[1]

"""State of a run: network, optimiser, step; saved atomically, restored bit for bit."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from astrojepa.checkpoints.errors import CheckpointError
from astrojepa.checkpoints.model import FORMAT
from astrojepa.checkpoints.weights import read_pickled, restore_network
from astrojepa.config import TrainConfig
from astrojepa.files import atomic_write
from astrojepa.models.jepa import JEPA
from astrojepa.training.monitor import merit


@dataclass
class TrainState:
    """Weights, optimiser and step. Randomness follows from (seed, step, galaxy)."""

    config: TrainConfig
    network: JEPA
    optimizer: torch.optim.AdamW
    facts: dict[str, Any]  # normalisation and data, as on the card
    step: int = 0
    best: float = float("-inf")
    seconds: float = 0.0
    history: dict[str, Any] = field(default_factory=dict)  # last validation

    def save(self, path: Path) -> None:
        """Write everything needed to resume, atomically."""
        self._write(path, {"optimizer": self.optimizer.state_dict()})

    def save_weights(self, path: Path) -> None:
        """Write the network without the optimiser."""
        self._write(path, {})

    def _write(self, path: Path, extra: dict[str, Any]) -> None:
        content = {
            "format": FORMAT,
            "config": self.config.to_dict(),
            "network": self.network.state_dict(),
            "step": self.step,
            "merit": self.best,
            **self.facts,
            "training": {
                "steps": self.step,
                "seconds": self.seconds,
                "device": next(self.network.parameters()).device.type,
                **self.history,
            },
            **extra,
        }
        buffer = io.BytesIO()
        torch.save(content, buffer)
        with atomic_write(path) as stream:
            stream.write(buffer.getbuffer())


def new_state(config: TrainConfig, network: JEPA, facts: dict[str, Any]) -> TrainState:
    """Start from fresh weights, or from those of `take_encoder`."""
    network.freeze_encoder(bool(config.encoder_from))
    return TrainState(config, network, make_optimizer(network, config), facts)


def load_state(
    path: Path, config: TrainConfig, facts: dict[str, Any], device: torch.device
) -> TrainState:
    """Resume from last.pt; CheckpointError if damaged or of other network or galaxies."""
    content = read_pickled(path)
    if content.get("format") != FORMAT or "optimizer" not in content:
        raise CheckpointError(
            f"{path} cannot be resumed: it has no optimiser state. Resume from the last.pt of a "
            "run."
        )
    if content["config"]["model"] != config.to_dict()["model"]:
        raise CheckpointError(
            f"{path} was trained with other network sizes than the run's config.json; one of the "
            f"two was changed."
        )
    then, now = content["data"]["id_hash"], facts["data"]["id_hash"]
    if then != now:
        raise CheckpointError(
            f"{path} was trained on other galaxies (hash {then}, found {now}); give the same "
            f"`data` as before."
        )
    network = restore_network(config, content["network"], path, device)
    state = new_state(config, network, facts)
    state.optimizer.load_state_dict(content["optimizer"])
    state.step, state.seconds = int(content["step"]), float(content["training"]["seconds"])
    before = "merit" not in content
    state.best = float(_merit_of_before(path.with_name("best.pt")) if before else content["merit"])
    state.history = {
        key: value
        for key, value in content["training"].items()
        if key not in ("steps", "seconds", "device")
    }
    return state


def _merit_of_before(best: Path) -> float:
    """Return the merit of a best.pt of before runs saved it, when linear probes alone chose it."""
    if not best.is_file():
        return float("-inf")
    training = read_pickled(best)["training"]
    return merit({"step": training["steps"], **training})


def make_optimizer(network: nn.Module, config: TrainConfig) -> torch.optim.AdamW:
    """AdamW with weight decay on matrices only."""
    trained = [(name, item) for name, item in network.named_parameters() if item.requires_grad]
    decayed = [
        item
        for name, item in trained
        if item.ndim >= 2 and "positions" not in name and "mask_token" not in name
    ]
    kept = {id(item) for item in decayed}
    spared = [item for _, item in trained if id(item) not in kept]
    groups = [
        {"params": decayed, "weight_decay": config.optim.weight_decay},
        {"params": spared, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.optim.learning_rate, betas=(0.9, 0.95), fused=True)

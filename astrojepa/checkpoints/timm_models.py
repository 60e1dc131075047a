"""Networks of timm as models: with random weights, or those of a file of this machine."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path

import torch
from torch import Tensor

from astrojepa.checkpoints.card import ModelFacts, file_hash
from astrojepa.checkpoints.errors import CheckpointError
from astrojepa.checkpoints.model import Model, random_model
from astrojepa.checkpoints.weights import (
    MAX_PARAMETERS,
    build_network,
    read_pickled,
    read_safetensors,
    restore_network,
)
from astrojepa.config import TrainConfig, replace
from astrojepa.models.encoders.any_timm import PREFIX, timm_facts

WRAPPED = ("state_dict", "model", "teacher", "network")  # keys under which files hold their tensors
COUNTER = "num_batches_tracked"  # of batch norms; some files leave it out
OWN = "encoder.net."  # before timm's names in our networks


def load_timm(text: str, device: torch.device) -> Model:
    """Load "timm:NAME" (random weights) or "timm:NAME@FILE"; nothing is downloaded, and nothing in
    a file is run.

    FileNotFoundError where there is no such file; ValueError where timm has no such network;
    CheckpointError where the tensors of the file are not those of the network.
    """
    name, _, file = text.removeprefix(PREFIX).partition("@")
    facts = timm_facts(name)
    config = replace(
        TrainConfig(),
        backbone=PREFIX + name,
        image_size=facts.image_size,
        patch_size=facts.patch_size,
        prediction_weight=0.0,
        invariance_weight=1.0,
        predictor_depth=0,
        projector_width=0,
        average=False,
    )
    empty = build_network(config, torch.device("meta"))
    if empty.num_parameters() > MAX_PARAMETERS:
        raise CheckpointError(
            f"{PREFIX}{name} has {empty.num_parameters():,} parameters; at most "
            f"{MAX_PARAMETERS:,} are accepted."
        )
    if not file:
        made = random_model(config, 0, device, facts.mean, facts.std)
        name = PREFIX + name
        return dataclasses.replace(made, id=name, card={"id": name, "random": True})
    path = Path(file)
    if not path.is_file():
        raise FileNotFoundError(f"There are no weights {path} for {PREFIX}{name}.")
    state, digest = _read(path)
    own = {key.removeprefix(OWN): value for key, value in empty.state_dict().items()}
    network = restore_network(config, _fitting(state, own, facts.heads), path, device).eval()
    settings = json.dumps([digest, config.to_dict(), facts.mean, facts.std], sort_keys=True)
    known = ModelFacts(
        f"{PREFIX}{name}@{path.stem}",
        config,
        {"id": f"{PREFIX}{name}@{path.stem}", "weights": path.name, "sha256": digest},
        hashlib.sha256(settings.encode()).hexdigest()[:16],
        facts.mean,
        facts.std,
    )
    return Model(**vars(known), network=network, device=device)


def _read(path: Path) -> tuple[dict[str, Tensor], str]:
    """Return the tensors of a file by name, and its SHA-256."""
    if path.suffix == ".safetensors":
        return read_safetensors(path)
    content = read_pickled(path, older=True)
    inner = next((content[key] for key in WRAPPED if isinstance(content.get(key), dict)), content)
    return {str(key): item for key, item in inner.items() if isinstance(item, Tensor)}, file_hash(
        path
    )


def _fitting(
    state: dict[str, Tensor], own: dict[str, Tensor], heads: tuple[str, ...]
) -> dict[str, Tensor]:
    """Return tensors under our names: prefixes such as "module." go, and so does the classifier."""
    needed = [key for key in own if not key.endswith(COUNTER)]
    before = sorted(
        {key.removesuffix(needed[0]) for key in state if key.endswith(needed[0])}, key=len
    )
    start = next((text for text in before if all(text + key in state for key in needed)), "")
    found = {
        OWN + key.removeprefix(start): value
        for key, value in state.items()
        if key.startswith(start)
        and not key.removeprefix(start).startswith(tuple(f"{head}." for head in heads))
    }
    counters = {OWN + key: torch.zeros((), dtype=torch.int64) for key in own.keys() - needed}
    return counters | found

"""Models by name: released weights with cards, checkpoints of runs, random controls."""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save as save_tensors
from torch import Tensor
from torch.nn import functional

from astrojepa.checkpoints.card import (
    FORMAT,
    MAX_CARD_BYTES,
    WAITING_CARD,
    ModelFacts,
    facts_of,
    file_hash,
    matching_card,
    read_card,
    released_here,
    released_path,
    without_weights,
)
from astrojepa.checkpoints.errors import CheckpointError
from astrojepa.checkpoints.hub import hub_weights
from astrojepa.checkpoints.stored_once import (
    lacks_average,
    whole_hash,
    with_average,
    without_average,
)
from astrojepa.checkpoints.weights import (
    build_network,
    read_pickled,
    read_safetensors,
    restore_network,
)
from astrojepa.config import TrainConfig, replace
from astrojepa.data.crops import centre_crop, resize_flux, resize_frame
from astrojepa.data.dataset import Dataset
from astrojepa.data.frames import check_bands
from astrojepa.data.transforms import check_channels, normalise, to_flux, turned_input
from astrojepa.files import atomic_write, write_json
from astrojepa.models.jepa import JEPA
from astrojepa.places import TRAIN
from astrojepa.precision import computing
from astrojepa.presets import ALIASES, PRESETS, PUBLISHED, default_preset
from astrojepa.wording import one_line

# galaxies that a CPU looks at together: the outputs of a layer stay near it, and need no memory
# cleared anew
CHUNK = 16
FIXED_STATISTICS = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


@dataclass(frozen=True)
class Model(ModelFacts):
    """A loaded network in eval mode with its card, as the evaluation functions take it.

    Examples:
        >>> model = aj.load_model("small.lejepa")
        >>> frames = np.zeros((2, 128, 128, 3), np.uint8)
        >>> model.encode(frames, passes=1).shape
        (2, 192)
        >>> model.randomised(seed=0).hash == model.hash
        False
        >>> model.with_backbone("polar:resnet10t")
        Traceback (most recent call last):
          ...
        ValueError: The weights of small.lejepa (vit) do not fit `backbone` polar:resnet10t.
    """

    network: JEPA
    device: torch.device

    @property
    def width(self) -> int:
        """Width of an embedding, D."""
        return self.network.encoder.width

    def image_of(self, data: Dataset, index: int) -> np.ndarray:
        """Return a galaxy as `prepare` takes it: RGB, uint8 (H, W, 3), or flux, float32 (H, W, C).

        DataError where the data are not given in the bands that the network takes.
        """
        check_bands(data, self.config.image)
        return data.flux(index) if self.config.image.bands else data[index].image

    def prepare(self, images: np.ndarray) -> Tensor:
        """Turn images (H, W, C) or (b, H, W, C) into the network's input (b, C, S, S).

        They are uint8 RGB, or float32 flux where the network takes that.
        """
        stack = images[None] if images.ndim == 3 else images
        image = self.config.image
        check_channels(torch.from_numpy(stack[:, :1, :1].copy()), image)
        resize = resize_flux if image.bands else resize_frame
        return self.normalised(np.stack([resize(one, image.frame_size) for one in stack]))

    def encode(
        self, frames: np.ndarray, precision: str = "float32", passes: int | None = None
    ) -> np.ndarray:
        """Return embeddings float32 (b, D) of frames (b, F, F, C), averaged over passes.

        The network computes in float32 or bfloat16. Fewer `passes` than the config's are the first
        ones: the turns of the network's own crop, then those of other sizes; 1 is a quick look.
        """
        together = CHUNK if self.device.type == "cpu" else max(1, len(frames))
        parts = [
            frames[first : first + together] for first in range(0, max(1, len(frames)), together)
        ]
        with torch.inference_mode():
            return (
                torch.cat([self._encoded(part, precision, passes) for part in parts]).cpu().numpy()
            )

    def _encoded(self, frames: np.ndarray, precision: str, passes: int | None) -> Tensor:
        found = []
        for view in itertools.islice(self._views(frames), passes):
            with computing(precision, self.device):
                found.append(self.network.embed(view).float())
        return torch.stack(found).mean(0)

    def _views(self, frames: np.ndarray) -> Iterator[Tensor]:
        """Yield the input (b, C, S, S) of every pass; a crop is resampled once, then rotated."""
        for side in self.config.crop_sides:
            crop = self._input(centre_crop(frames, side))
            for symmetry in range(self.config.model.orientations):
                yield turned_input(crop, symmetry)

    def randomised(self, seed: int = 0) -> Model:
        """Return the control: the same architecture and input with random weights."""
        return random_model(self.config, seed, self.device, self.mean, self.std)

    def with_backbone(self, backbone: str) -> Model:
        """Return the same weights in another encoder of the same layers, for example those of
        "petrosian:resnet10t" in "nested:resnet10t".

        The predictor stays; projector and describer, which work on vectors, are left out, and so
        is what the card says of vectors. ValueError where the weights do not fit.
        """
        own = dataclasses.replace(
            self.config.model, backbone=backbone, projector_width=0, describer=False
        )
        config = dataclasses.replace(self.config, model=own)
        network = build_network(config, self.device).eval()
        heads = ("projector.", "describer.")
        state = self.network.state_dict()
        try:
            network.load_state_dict({k: v for k, v in state.items() if not k.startswith(heads)})
        except RuntimeError as error:
            raise ValueError(
                f"The weights of {self.id} ({self.config.model.backbone}) do not fit `backbone` "
                f"{backbone}."
            ) from error
        facts = {"steps", "seconds", "device"} & {*self.card.get("training", {})}
        training = {name: self.card["training"][name] for name in facts}
        return dataclasses.replace(
            self,
            id=f"{self.id} ({backbone})",
            card={**self.card, "training": training, "measured": [], "curve": []},
            hash=hashlib.sha256(f"{self.hash} {backbone}".encode()).hexdigest()[:16],
            config=config,
            network=network,
        )

    def normalised(self, frames: np.ndarray) -> Tensor:
        """Turn frames (b, F, F, C) of `frames_for` into the input (b, C, S, S)."""
        return self._input(centre_crop(frames, self.config.image.image_size))

    def _input(self, crop: np.ndarray) -> Tensor:
        """Turn crops (b, s, s, C) into the network's input, resampled unless s = S."""
        image = self.config.image
        flux = to_flux(torch.from_numpy(np.ascontiguousarray(crop)).to(self.device), image)
        if flux.shape[-1] != image.image_size:
            flux = functional.interpolate(
                flux, (image.image_size, image.image_size), mode="bilinear", antialias=True
            )
        return normalise(flux, image.normalization, self.mean, self.std)


def load_model(name: str | Path, device: str = "cpu") -> Model:
    """Load a model by id ("vit5m.sigreg06"), alias ("model3"), "best", "random", or path.

    A path is a .safetensors with its card beside it, a run folder, its last.pt or best.pt, or a
    .pth in the first published layout. "random" is the control, random weights of the default CPU
    preset ("random:ID" of another). "hf://OWNER/ID" is downloaded from the Hugging Face Hub once,
    and so is a released id whose weights are not here, where ASTROJEPA_HUB_OWNER names who
    publishes them. "timm:NAME" is a network of timm with random weights, "timm:NAME@FILE" one with
    those of a .safetensors or .pth of this machine. FileNotFoundError if there is no such model,
    OSError if the hub does not answer, CheckpointError if the file is not a checkpoint.

    Examples:
        >>> model = aj.load_model("small.lejepa")
        >>> model.grid, model.has_predictor
        (8, True)
    """
    text, target = str(name), torch.device(device)
    if text == "random" or text.startswith("random:"):
        wanted = text.partition(":")[2]
        config = PRESETS.get(ALIASES.get(wanted, wanted)) if wanted else default_preset("cpu")
        if config is None:
            known = ", ".join(PRESETS)
            raise CheckpointError(
                f"There is no preset {wanted!r} to fill with random weights; known: {known}."
            )
        return random_model(config, 0, target)
    if text.startswith("timm:"):
        from astrojepa.checkpoints.timm_models import load_timm

        return load_timm(text, target)
    path = weights_file(text)
    if path.suffix == ".safetensors":
        return _load_released(path, target)
    return _load_pickled(path, target)


def weights_file(name: str) -> Path:
    """Return the file that `load_model` reads for a name; FileNotFoundError if there is none."""
    try:
        path = released_path(name) or hub_weights(name) or Path(name)
        if path.is_dir():
            path = path / "best.pt" if (path / "best.pt").is_file() else path / "last.pt"
        there = path.is_file()
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        there = False
    if not there:
        wanted = ALIASES.get(name, name)
        hint = (
            f" It is a preset: train it with {TRAIN} --preset {wanted}."
            if wanted in PRESETS
            else ""
        )
        raise FileNotFoundError(
            without_weights(name)
            or f"There is no model {one_line(name, 100)!r}; {released_here()}, or give a file."
            f"{hint}"
        )
    return path


def save_released(
    model: Model, folder: str | Path, card: dict[str, Any], dtype: torch.dtype = torch.float16
) -> Path:
    """Write weights and card atomically as a pair; returns the path of the weights.

    The new card waits under another name until the weights are in place, and is found there if it
    could not be renamed.
    """
    path = Path(folder) / f"{card['id']}.safetensors"
    state = {
        key: (value.to(dtype) if value.is_floating_point() else value).contiguous().cpu()
        for key, value in model.network.state_dict().items()
    }
    state = stored_once(state)
    config = pathless(model.config).to_dict()
    # One entry, because their order varies; with the config in it, weights that are read in another
    # way have another hash.
    data = save_tensors(
        state, metadata={"model": json.dumps({"id": card["id"], "config": config}, sort_keys=True)}
    )
    card = {"format": FORMAT, **card, "sha256": hashlib.sha256(data).hexdigest(), "config": config}
    card |= {
        "normalisation": {"mean": model.mean, "std": model.std},
        "published": PUBLISHED.get(card["id"]),
    }
    waiting = path.with_suffix(WAITING_CARD)
    if (
        waiting.is_file()
        and path.is_file()
        and read_card(path, WAITING_CARD)["sha256"] == file_hash(path)
    ):
        waiting.replace(path.with_suffix(".json"))  # of an export that was killed before it could
    write_json(waiting, card)
    if (size := waiting.stat().st_size) > MAX_CARD_BYTES:
        waiting.unlink()
        raise ValueError(
            f"The card of {card['id']} would have {size:,} bytes, more than the {MAX_CARD_BYTES:,} "
            f"that are read; take fewer classes, or a model with fewer features."
        )
    with atomic_write(path) as stream:
        stream.write(data)
    waiting.replace(path.with_suffix(".json"))
    return path


def stored_once(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors without the moving average if it equals the encoder."""
    rest = without_average(state)
    whole = with_average(rest)
    equal = whole.keys() == state.keys() and all(
        torch.equal(whole[name], value) for name, value in state.items()
    )
    return rest if equal else state


def pathless(config: TrainConfig) -> TrainConfig:
    """Return a config whose files are names: no machine's path stands on a card."""
    return replace(
        config,
        data=Path(config.data.data).name,
        encoder_from=Path(config.encoder_from).name,
        start_from=Path(config.start_from).name,
    )


def _load_released(path: Path, device: torch.device) -> Model:
    state, digest = read_safetensors(path)
    facts = facts_of(path, digest, matching_card(path, digest))
    facts = dataclasses.replace(facts, hash=whole_hash(path, digest, facts.config)[:16])
    return _assemble(
        facts, with_average(state) if lacks_average(facts.config, state) else state, path, device
    )


def _load_pickled(path: Path, device: torch.device) -> Model:
    content = read_pickled(path)
    if "model_state_dict" in content:
        from astrojepa.checkpoints.pth_import import convert

        try:
            config, state = convert(content, path)
            epoch = int(content.get("epoch") or 0)
        except (ValueError, TypeError, OverflowError) as error:
            raise CheckpointError(str(error)) from error
        card = {"id": path.stem, "imported_from": path.name, "epoch": epoch}
        facts = ModelFacts(path.stem, config, card, file_hash(path)[:16], *FIXED_STATISTICS)
        return _assemble(facts, state, path, device)
    if (
        content.get("format") != FORMAT
        or not {"config", "network", "normalisation"} <= content.keys()
    ):
        raise CheckpointError(
            f"{path} is not a checkpoint of this project: found {sorted(map(str, content))[:6]}."
        )
    run = path.parent.name
    if run == "snapshots":
        run = f"{path.parent.parent.name}@{path.stem}"
    facts = facts_of(path, file_hash(path), {**content, "id": run})
    card = {
        "id": run,
        **{
            key: content[key]
            for key in ("data", "training", "environment", "encoder", "started_from")
            if key in content
        },
    }
    return _assemble(dataclasses.replace(facts, card=card), content["network"], path, device)


def _assemble(
    facts: ModelFacts, state: dict[str, Tensor], path: Path, device: torch.device
) -> Model:
    network = restore_network(facts.config, state, path, device).eval()
    return Model(
        facts.id, facts.config, facts.card, facts.hash, facts.mean, facts.std, network, device
    )


def random_model(
    config: TrainConfig,
    seed: int,
    device: torch.device,
    mean: tuple[float, ...] = (),
    std: tuple[float, ...] = (),
) -> Model:
    """Return a config's network with random weights from `seed`; mean and std: 0.5 by default."""
    half = (0.5,) * config.image.channels
    mean, std = mean or half, std or half
    network = build_network(config, device, seed).eval()
    config = dataclasses.replace(config, seed=seed)
    parts = config.to_dict()
    # not what it would be trained on
    facts = json.dumps([parts["image"], parts["model"], seed, mean, std], sort_keys=True)
    digest = hashlib.sha256(facts.encode()).hexdigest()[:16]
    name = f"random:{config.preset or 'custom'}"
    return Model(name, config, {"id": name, "random": True}, digest, mean, std, network, device)

"""Models by name: released weights (safetensors + JSON card), a run's checkpoints, random controls."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save as save_tensors
from torch import Tensor

from astrojepa.cache import atomic_write
from astrojepa.config import TrainConfig, replace
from astrojepa.data.crops import centre_crop, resize_frame, turned
from astrojepa.data.transforms import normalise, to_flux
from astrojepa.models.jepa import JEPA
from astrojepa.presets import ALIASES, PRESETS, PUBLISHED, default_preset
from astrojepa.runs import read_json, write_json
from astrojepa.types import PatchMasks
from astrojepa.weights import CheckpointError, build_network, file_hash, read_pickled, read_safetensors, restore_network

FORMAT = 1
CHECKPOINTS = Path(__file__).resolve().parent.parent / "checkpoints"
MAX_CARD_BYTES = 1_000_000
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,79}")  # files are named after an id
WAITING_CARD = ".json.next"  # of weights that are about to replace others of the same name
FIXED_STATISTICS = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


@dataclass(frozen=True)
class Model:
    """A loaded network in eval mode with the facts on its card; what the evaluation functions take."""

    id: str
    network: JEPA
    config: TrainConfig
    card: dict[str, Any]
    hash: str  # 16 hex digits, of the weights
    mean: tuple[float, ...]
    std: tuple[float, ...]
    device: torch.device

    @property
    def has_predictor(self) -> bool:
        """Whether patch errors can be computed."""
        return self.network.predictor is not None

    @property
    def width(self) -> int:
        """Width of an embedding, D."""
        return self.network.encoder.width

    @property
    def grid(self) -> int:
        """Patches along a side, G."""
        return self.config.image.grid

    def prepare(self, images: np.ndarray) -> Tensor:
        """Turn pictures as stored, uint8 (H, W, 3) or (b, H, W, 3), into the network's input (b, 3, S, S)."""
        stack = images[None] if images.ndim == 3 else images
        frame_size = self.config.image.frame_size
        return self.normalised(np.stack([resize_frame(image, frame_size) for image in stack]))

    def encode(self, frames: np.ndarray) -> np.ndarray:
        """Return embeddings float32 (b, D) of frames uint8 (b, F, F, 3): the mean of the target encoder's tokens and orientations."""
        crop = centre_crop(frames, self.config.image.image_size)
        views = (self.normalised(turned(crop, symmetry)) for symmetry in range(self.config.model.orientations))
        with torch.inference_mode():
            return torch.stack([self.network.embed(view).float() for view in views]).mean(0).cpu().numpy()

    def predict(self, pixels: Tensor, masks: PatchMasks) -> tuple[Tensor, Tensor]:
        """Return predicted and target tokens (b, M, Nt, D), float32, of b images, or of one image under b masks.

        CheckpointError if the model has no predictor.
        """
        if not self.has_predictor:
            raise CheckpointError(f"{self.id} has no predictor: it is an encoder-only checkpoint, so it gives no patch errors.")
        with torch.inference_mode():
            masks = PatchMasks(masks.context.to(self.device), masks.targets.to(self.device))
            pixels = pixels.to(self.device)
            context, _ = self.network.encoder(pixels.expand(len(masks.context), -1, -1, -1), masks.context)
            prediction, target = self.network.predict(context, masks), self.network.target_tokens(pixels, masks)
        return prediction.float(), target.float()

    def randomised(self, seed: int = 0) -> Model:
        """Return the control: the same architecture and input with random weights."""
        return _random_model(self.config, seed, self.device, self.mean, self.std)

    def normalised(self, frames: np.ndarray) -> Tensor:
        """Turn frames uint8 (b, F, F, 3), as `frames_for` gives them, into the network's input (b, 3, S, S)."""
        crop = np.ascontiguousarray(centre_crop(frames, self.config.image.image_size))
        flux = to_flux(torch.from_numpy(crop).to(self.device))
        return normalise(flux, self.config.image.normalization, self.mean, self.std)


def load_model(name: str | Path, device: str = "cpu") -> Model:
    """Load a model by id ("vit5m.sigreg06"), alias ("model3"), "best", "random", or path.

    A path is a .safetensors with its card beside it, a run folder, its last.pt or best.pt, or a .pth in the first published layout.
    "random" is the control, random weights of the default CPU preset ("random:ID" of another). FileNotFoundError if there is no such
    model, CheckpointError if the file is not one.
    """
    text, target = str(name), torch.device(device)
    if text == "random" or text.startswith("random:"):
        wanted = text.partition(":")[2]
        config = PRESETS.get(ALIASES.get(wanted, wanted)) if wanted else default_preset("cpu")
        if config is None:
            raise ValueError(f"There is no preset {wanted!r} to fill with random weights; known: {', '.join(PRESETS)}.")
        return _random_model(config, 0, target)
    released = ALIASES.get(text, best_id() if text == "best" else text)
    path = CHECKPOINTS / f"{released}.safetensors" if released in released_ids() else Path(text)
    if path.is_dir():
        path = path / "best.pt" if (path / "best.pt").is_file() else path / "last.pt"
    if not path.is_file():
        hint = " It is a preset: train it with python train.py --preset " + released + "." if released in PRESETS else ""
        raise FileNotFoundError(
            f"There is no model {text!r}; released: {', '.join(released_ids()) or 'none'}, or give a file.{hint}"
        )
    return _load_released(path, target) if path.suffix == ".safetensors" else _load_pickled(path, target)


def released_ids() -> list[str]:
    """List the ids of the weights in checkpoints/."""
    return sorted(path.stem for path in CHECKPOINTS.glob("*.safetensors") if path.with_suffix(".json").is_file())


def list_checkpoints(root: str | Path | None = None) -> list[dict[str, Any]]:
    """Return the cards of the released weights in a folder (checkpoints/); one that cannot be read appears as {"id", "error"}."""
    cards = []
    for path in sorted(Path(root or CHECKPOINTS).glob("*.safetensors")):
        try:
            cards.append(read_card(path))
        except (ValueError, OSError) as error:
            cards.append({"id": path.stem, "error": str(error)})
    return cards


def read_card(weights: Path, suffix: str = ".json") -> dict[str, Any]:
    """Read the JSON card beside released weights; CheckpointError if it is missing or of another format."""
    path = weights.with_suffix(suffix)
    if not path.is_file():
        raise CheckpointError(
            f"{weights} has no card: expected {path.name} beside it. Export the run again, or fetch both files."
        )
    try:
        card = read_json(path, MAX_CARD_BYTES)
    except ValueError as error:
        raise CheckpointError(str(error)) from error
    missing = [key for key in ("id", "sha256", "config", "normalisation") if key not in card]
    if card.get("format") != FORMAT or missing:
        raise CheckpointError(f"{path} is a card of format {card.get('format')!r} lacking {missing}; expected format {FORMAT}.")
    if not isinstance(card["id"], str) or not NAME.fullmatch(card["id"]):
        raise CheckpointError(f"{path} has the id {card['id']!r}; expected a plain name such as small.sigreg06.")
    return card


def save_released(model: Model, folder: str | Path, card: dict[str, Any], dtype: torch.dtype = torch.float16) -> Path:
    """Write weights and card, of which a kill at any moment leaves the old pair or the new one; returns the path of the weights.

    The new card waits under another name until the weights are in place, and is found there if it could not be renamed.
    """
    path = Path(folder) / f"{card['id']}.safetensors"
    state = {
        key: (value.to(dtype) if value.is_floating_point() else value).contiguous().cpu()
        for key, value in model.network.state_dict().items()
    }
    data = save_tensors(state, metadata={"id": card["id"]})
    names = {"data": Path(model.config.data.data).name, "encoder_from": Path(model.config.encoder_from).name}
    config = replace(model.config, **names)  # no machine's path on a card
    card = {"format": FORMAT, **card, "sha256": hashlib.sha256(data).hexdigest(), "config": config.to_dict()}
    card |= {"normalisation": {"mean": model.mean, "std": model.std}, "published": PUBLISHED.get(card["id"])}
    waiting = path.with_suffix(WAITING_CARD)
    if waiting.is_file() and path.is_file() and read_card(path, WAITING_CARD)["sha256"] == file_hash(path):
        waiting.replace(path.with_suffix(".json"))  # of an export that was killed before it could
    write_json(waiting, card)
    with atomic_write(path) as stream:
        stream.write(data)
    waiting.replace(path.with_suffix(".json"))
    return path


def _load_released(path: Path, device: torch.device) -> Model:
    card = read_card(path)
    state, digest = read_safetensors(path)
    if digest != card["sha256"] and path.with_suffix(WAITING_CARD).is_file():
        card = read_card(path, WAITING_CARD)
    if digest != card["sha256"]:
        raise CheckpointError(
            f"{path} has SHA-256 {digest[:12]}…, its card says {str(card['sha256'])[:12]}…; fetch or export both again."
        )
    return _assemble(str(card["id"]), card["config"], card["normalisation"], state, card, digest, path, device)


def _load_pickled(path: Path, device: torch.device) -> Model:
    content = read_pickled(path)
    if "model_state_dict" in content:
        from astrojepa.pth_import import convert

        try:
            config, state = convert(content, path)
            epoch = int(content.get("epoch") or 0)
        except (ValueError, TypeError, OverflowError) as error:
            raise CheckpointError(str(error)) from error
        card = {"id": path.stem, "imported_from": path.name, "epoch": epoch}
        network = restore_network(config, state, path, device).eval()
        return Model(path.stem, network, config, card, file_hash(path)[:16], *FIXED_STATISTICS, device)
    if content.get("format") != FORMAT or not {"config", "network", "normalisation"} <= content.keys():
        raise CheckpointError(f"{path} is not a checkpoint of this project: found {sorted(map(str, content))[:6]}.")
    run = path.parent.parent.name + "@" + path.stem if path.parent.name == "snapshots" else path.parent.name
    card = {"id": run, **{key: content[key] for key in ("data", "training", "environment") if key in content}}
    digest = file_hash(path)
    return _assemble(run, content["config"], content["normalisation"], content["network"], card, digest, path, device)


def _assemble(
    name: str,
    config: Any,
    statistics: Any,
    state: dict[str, Tensor],
    card: dict[str, Any],
    digest: str,
    path: Path,
    device: torch.device,
) -> Model:
    try:
        parsed = TrainConfig.from_dict(config)
        mean, std = (tuple(float(x) for x in statistics[key]) for key in ("mean", "std"))
    except CheckpointError:
        raise
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise CheckpointError(f"{path} has a config that this version cannot use: {error}") from error
    if len(mean) != 3 or len(std) != 3 or not np.isfinite([*mean, *std]).all() or min(std) <= 0:
        raise CheckpointError(
            f"{path} has normalisation {mean}, {std}; expected three finite means and three positive deviations."
        )
    network = restore_network(parsed, state, path, device).eval()
    return Model(name, network, parsed, card, digest[:16], mean, std, device)


def _random_model(
    config: TrainConfig,
    seed: int,
    device: torch.device,
    mean: tuple[float, ...] = FIXED_STATISTICS[0],
    std: tuple[float, ...] = FIXED_STATISTICS[1],
) -> Model:
    network = build_network(config, device, seed).eval()
    config = dataclasses.replace(config, seed=seed)
    parts = config.to_dict()
    facts = json.dumps([parts["image"], parts["model"], seed, mean, std], sort_keys=True)  # not what it would be trained on
    digest = hashlib.sha256(facts.encode()).hexdigest()[:16]
    name = f"random:{config.preset or 'custom'}"
    return Model(name, network, config, {"id": name, "random": True}, digest, mean, std, device)


def best_id() -> str:
    """Return the released id with the highest linear-probe accuracy on its first benchmark, of those that have patch errors if any."""
    cards = [card for card in list_checkpoints() if "error" not in card]
    if not cards:
        raise FileNotFoundError(f"There are no released weights in {CHECKPOINTS.name}/; train some with python train.py.")
    return str(max(cards, key=lambda card: (_has_predictor(card), _measured_accuracy(card)))["id"])


def released_card(model: Model) -> tuple[Path, dict[str, Any]]:
    """Return where the card of a released model is, and the card; ValueError for a model that is not in checkpoints/."""
    path = CHECKPOINTS / f"{model.id}.json"
    if not path.is_file() or (card := read_card(path))["sha256"][:16] != model.hash:
        raise ValueError(
            f"{model.id} is not among the released weights of {CHECKPOINTS.name}/; export it first, then give its id."
        )
    return path, card


def _has_predictor(card: dict[str, Any]) -> bool:
    return TrainConfig.from_dict(card["config"]).model.predictor_depth > 0


def _measured_accuracy(card: dict[str, Any]) -> float:
    """Return the linear-probe accuracy of a card's first benchmark, 0 if nothing was measured."""
    measured = card.get("measured")
    first: Any = measured[0] if isinstance(measured, list) and measured else {}
    value = first.get("linear_probe_accuracy") if isinstance(first, dict) else None
    return float(value) if isinstance(value, int | float) else 0.0

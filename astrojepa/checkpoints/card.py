"""What is known of a model without its network: its card and hash. Needs no torch."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from astrojepa.checkpoints.errors import CheckpointError
from astrojepa.checkpoints.stored_once import whole_hash
from astrojepa.config import TrainConfig
from astrojepa.files import read_json
from astrojepa.places import TOP, TRAIN
from astrojepa.presets import ALIASES, BEST

FORMAT = 1
CHECKPOINTS = TOP / "checkpoints"
MAX_CARD_BYTES = 8_000_000  # of a classifier of 2,048 features and a hundred classes 4,000,000
MAX_FILE_BYTES = 6 * 2**30
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,79}")  # files are named after an id
# How rows of what an encoder must beat begin.
BASELINES = (
    "majority",
    "summary statistics",
    "statistics",
    "polar Fourier",
    "pixel PCA",
    "random weights",
)
HOW_TO_GET = (
    "name who publishes them on the Hugging Face Hub in ASTROJEPA_HUB_OWNER, or put the "
    ".safetensors file whose SHA-256 the card gives beside that card in checkpoints/"
)
ABSENT = "absent"  # key of a listed card whose weights are elsewhere
WAITING_CARD = ".json.next"  # of weights that are about to replace others of the same name


@dataclass(frozen=True)
class ModelFacts:
    """Name, settings and hash of a model: enough to find its cached results."""

    id: str
    config: TrainConfig
    card: dict[str, Any]
    hash: str  # 16 hex digits, of the weights with their config, however they are stored
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @property
    def origin(self) -> dict[str, str]:
        """What the model is, for the record."""
        return {"model": self.id, "model_hash": self.hash}

    @property
    def has_predictor(self) -> bool:
        """Whether patch errors can be computed."""
        return self.config.model.predictor_depth > 0

    @property
    def grid(self) -> int:
        """Patches along a side, G."""
        return self.config.image.grid


def released_facts(name: str | Path) -> ModelFacts:
    """Return what `load_model` says of released weights, without the network that they are for.

    `name` is an id, an alias, "best", or the path of a .safetensors. The card, its config and the
    size and SHA-256 of the weights are checked as `load_model` checks them, and refused in the same
    words; the tensors are left unread.
    """
    path = released_path(str(name)) or Path(name)
    if path.suffix != ".safetensors" or not path.is_file():
        raise FileNotFoundError(
            without_weights(str(name))
            or f"There are no released weights {str(name)!r}; {released_here()}."
        )
    check_size(path)
    digest = file_hash(path)
    facts = facts_of(path, digest, matching_card(path, digest))
    return dataclasses.replace(facts, hash=whole_hash(path, digest, facts.config)[:16])


def released_path(name: str) -> Path | None:
    """Return the path of released weights by id, alias or "best"; None if not here."""
    wanted = ALIASES.get(name, best_id() if name == "best" else name)
    return CHECKPOINTS / f"{wanted}.safetensors" if wanted in released_ids() else None


def released_ids() -> list[str]:
    """List the ids of the weights in checkpoints/; there are cards of further ones."""
    return sorted(
        path.stem
        for path in CHECKPOINTS.glob("*.safetensors")
        if path.with_suffix(".json").is_file()
    )


def released_here() -> str:
    """Return the end of a sentence that lists the released weights in checkpoints/."""
    return f"released: {', '.join(released_ids()) or 'none'}"


def without_weights(name: str) -> str:
    """Say how to get released weights that are not here; "" for any other name."""
    wanted = ALIASES.get(name, name)
    path = CHECKPOINTS / f"{wanted}.safetensors"
    if not NAME.fullmatch(wanted) or path.is_file() or not path.with_suffix(".json").is_file():
        return ""
    return f"{wanted} is released, and its weights are not here; {HOW_TO_GET}."


def list_checkpoints(root: str | Path | None = None) -> list[dict[str, Any]]:
    """Return the cards of the released weights in a folder (checkpoints/), by id.

    One whose weights are not in the folder holds `ABSENT: True`; one that cannot be read appears as
    {"id", "error"}.

    Examples:
        >>> "small.lejepa" in [card["id"] for card in aj.list_checkpoints()]
        True
    """
    folder = Path(root or CHECKPOINTS)
    cards = []
    for name in sorted(
        {path.stem for kind in ("*.safetensors", "*.json") for path in folder.glob(kind)}
    ):
        weights = folder / f"{name}.safetensors"
        try:
            cards.append(read_card(weights) | ({} if weights.is_file() else {ABSENT: True}))
        except (ValueError, OSError) as error:
            cards.append({"id": name, "error": str(error)})
    return cards


def usable(cards: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the cards of weights that can be loaded from their folder."""
    return [card for card in cards if "error" not in card and not card.get(ABSENT)]


def best_id() -> str:
    """Return `BEST`, or without its weights the model that fails to beat the fewest baselines.

    Those with patch errors come first, and of equals the one with the highest `mean_accuracy`.
    """
    cards = usable(list_checkpoints())
    if BEST in [card["id"] for card in cards]:
        return BEST
    if not cards:
        raise FileNotFoundError(
            f"There are no released weights in {CHECKPOINTS.name}/; train some with {TRAIN}."
        )

    def merit(card: dict[str, Any]) -> tuple[bool, bool, int, float]:
        accuracy = mean_accuracy(card)
        predicts = TrainConfig.from_dict(card["config"]).model.predictor_depth > 0
        return predicts, accuracy > 0, -num_unbeaten(card), accuracy

    return str(max(cards, key=merit)["id"])


def read_card(weights: Path, suffix: str = ".json") -> dict[str, Any]:
    """Read the JSON card beside weights; CheckpointError if missing or of another format."""
    path = weights.with_suffix(suffix)
    if not path.is_file():
        raise CheckpointError(
            f"{weights} has no card: expected {path.name} beside it. Export the run again, or "
            f"fetch both files."
        )
    try:
        card = read_json(path, MAX_CARD_BYTES)
    except ValueError as error:
        raise CheckpointError(str(error)) from error
    missing = [key for key in ("id", "sha256", "config", "normalisation") if key not in card]
    if card.get("format") != FORMAT or missing:
        raise CheckpointError(
            f"{path} is a card of format {card.get('format')!r} lacking {missing}; expected format "
            f"{FORMAT}."
        )
    if not isinstance(card["id"], str) or not NAME.fullmatch(card["id"]):
        raise CheckpointError(
            f"{path} has the id {card['id']!r}; expected a plain name such as small.sigreg06."
        )
    return card


def matching_card(weights: Path, digest: str) -> dict[str, Any]:
    """Read the card of weights with this SHA-256; CheckpointError for other weights."""
    card = read_card(weights)
    if digest != card["sha256"] and weights.with_suffix(WAITING_CARD).is_file():
        card = read_card(weights, WAITING_CARD)
    if digest != card["sha256"]:
        raise CheckpointError(
            f"{weights} has SHA-256 {digest[:12]}…, its card says {str(card['sha256'])[:12]}…; "
            f"fetch or export both again."
        )
    return card


def facts_of(source: Path, digest: str, card: dict[str, Any]) -> ModelFacts:
    """Read id, config and normalisation of a card or checkpoint; CheckpointError if unusable."""
    try:
        config = TrainConfig.from_dict(card["config"])
        mean, std = (tuple(float(x) for x in card["normalisation"][key]) for key in ("mean", "std"))
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise CheckpointError(
            f"{source} has a config that this version cannot use: {error}"
        ) from error
    expected = config.image.channels
    if {len(mean), len(std)} != {expected} or not np.isfinite([*mean, *std]).all() or min(std) <= 0:
        raise CheckpointError(
            f"{source} has normalisation {mean}, {std}; expected {expected} finite means and "
            f"{expected} positive deviations."
        )
    return ModelFacts(str(card["id"]), config, card, digest[:16], mean, std)


def released_card(model: ModelFacts) -> tuple[Path, dict[str, Any]]:
    """Return path and card of a released model; ValueError if it is not in checkpoints/."""
    path = CHECKPOINTS / f"{model.id}.json"
    if not path.is_file() or (card := read_card(path))["sha256"] != model.card.get("sha256"):
        raise ValueError(
            f"{model.id} is not among the released weights of {CHECKPOINTS.name}/; export it "
            f"first, then give its id."
        )
    return path, card


def file_hash(path: str | Path) -> str:
    """Return the SHA-256 of a file, hex."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def check_size(path: Path) -> None:
    """Raise CheckpointError for a file that is too small or too large to be a checkpoint."""
    size = path.stat().st_size
    if not 8 < size <= MAX_FILE_BYTES:
        raise CheckpointError(
            f"{path} has {size:,} bytes; a checkpoint has more than 8 and at most "
            f"{MAX_FILE_BYTES:,}."
        )


def mean_accuracy(card: dict[str, Any]) -> float:
    """Return the mean linear-probe accuracy on real galaxies, 0 if not measured."""
    values = [one.get("linear_probe_accuracy") for one in _on_real_galaxies(card)]
    numbers = [float(value) for value in values if isinstance(value, int | float)]
    return sum(numbers) / len(numbers) if numbers else 0.0


def num_unbeaten(card: dict[str, Any]) -> int:
    """Count the baselines on real galaxies that the linear probe does not beat significantly."""
    count = 0
    for measured in _on_real_galaxies(card):
        rows = measured.get("rows")
        for name, row in rows.items() if isinstance(rows, dict) else ():
            if name.startswith(BASELINES):
                difference = row.get("difference") if isinstance(row, dict) else None
                low = (
                    difference[1] if isinstance(difference, list) and len(difference) == 3 else None
                )
                count += not (isinstance(low, int | float) and low > 0)
    return count


def _on_real_galaxies(card: dict[str, Any]) -> list[dict[str, Any]]:
    measured = card.get("measured")
    if isinstance(measured, list):
        return [one for one in measured if isinstance(one, dict) and not one.get("simulated")]
    return []

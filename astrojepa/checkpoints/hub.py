"""Released weights that are not here, by name from the Hugging Face Hub.

The repository OWNER/ID holds the two files that `export` writes, ID.safetensors and its card
ID.json. What was downloaded stays in the cache and is used from there without asking anybody.
Safetensors hold no code, and weights that are not those of the card are thrown away.
"""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from astrojepa.checkpoints import card as cards
from astrojepa.places import cache_folder
from astrojepa.presets import ALIASES
from astrojepa.wording import one_line

PREFIX = "hf://"
# the environment variable: whose repositories hold the weights of the cards that are here
OWNER = "ASTROJEPA_HUB_OWNER"
_NAME = re.compile(
    rf"{PREFIX}([\w-][\w.-]{{0,95}})/([A-Za-z0-9][\w.-]{{0,79}})(?:@([\w][\w.-]{{0,99}}))?",
    re.ASCII,
)


@dataclass(frozen=True)
class HubModel:
    """A model on the hub: where it is, and the card its weights must match, if known."""

    owner: str
    id: str
    revision: str = ""
    card: Path | None = None

    @property
    def folder(self) -> Path:
        """Where its two files are kept."""
        name = f"{self.id}@{self.revision}" if self.revision else self.id
        return cache_folder() / "hub" / self.owner / name


def hub_weights(name: str) -> Path | None:
    """Return the path of weights from the hub, downloading them unless they are cached.

    `name` is "hf://OWNER/ID", or "hf://OWNER/ID@REVISION", or the id or alias of a card in
    checkpoints/ without weights, of which `$ASTROJEPA_HUB_OWNER` says who publishes them. None for
    any other name.

    OSError where the hub cannot be reached (`HF_HUB_OFFLINE=1` forbids it) or has no such model;
    CheckpointError where what it has does not fit its card.
    """
    model = _named(name)
    if model is None:
        return None
    weights = model.folder / f"{model.id}.safetensors"
    if not _fits(weights):
        _download(model)
        _check(weights)
    return weights


def _named(name: str) -> HubModel | None:
    if name.startswith(PREFIX):
        if not (match := _NAME.fullmatch(name)) or ".." in name:
            raise ValueError(
                f"{one_line(name, 80)} is no model of the hub; write hf://OWNER/ID, or "
                f"hf://OWNER/ID@REVISION."
            )
        return HubModel(match[1], match[2], match[3] or "")
    wanted, owner = ALIASES.get(name, name), os.environ.get(OWNER, "")
    card = cards.CHECKPOINTS / f"{wanted}.json"
    if (
        not owner
        or not cards.NAME.fullmatch(wanted)
        or not card.is_file()
        or card.with_suffix(".safetensors").is_file()
    ):
        return None
    if not _NAME.fullmatch(f"{PREFIX}{owner}/{wanted}"):
        raise ValueError(
            f"{OWNER} is {one_line(owner, 60)!r}; it must be the name of an account of the hub."
        )
    return HubModel(owner, wanted, card=card)


def _download(model: HubModel) -> None:
    from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url

    repository, revision = f"{model.owner}/{model.id}", model.revision or None
    limits = {
        f"{model.id}.json": cards.MAX_CARD_BYTES,
        f"{model.id}.safetensors": cards.MAX_FILE_BYTES,
    }
    model.folder.mkdir(parents=True, exist_ok=True)
    if model.card is not None:
        shutil.copyfile(model.card, model.folder / f"{model.id}.json")
        del limits[f"{model.id}.json"]
    for name, limit in limits.items():
        try:
            size = get_hf_file_metadata(hf_hub_url(repository, name, revision=revision)).size
            if size is not None and size <= limit:
                hf_hub_download(
                    repository, name, revision=revision, local_dir=model.folder, force_download=True
                )
        # huggingface_hub, its HTTP client and the disk raise a dozen kinds
        except Exception as error:
            reason = one_line((str(error).splitlines() or [type(error).__name__])[0], 160)
            raise OSError(
                f"{name} could not be fetched from {PREFIX}{repository} ({reason}); check the name "
                f"and the network, or bring {model.id}.safetensors and its card {model.id}.json "
                "here by other means and give the path of the former."
            ) from error
        if size is None or size > limit:
            raise cards.CheckpointError(
                f"{name} of {PREFIX}{repository} has {size} bytes; at most {limit:,} are accepted."
            )


def _fits(weights: Path) -> bool:
    """Say whether the cache holds weights that are those of the card beside them."""
    try:
        return weights.is_file() and cards.read_card(weights)["sha256"] == cards.file_hash(weights)
    except ValueError:
        return False


def _check(weights: Path) -> None:
    """Throw away what does not fit its card; CheckpointError then."""
    try:
        cards.matching_card(weights, cards.file_hash(weights))
    except cards.CheckpointError:
        weights.unlink()
        raise

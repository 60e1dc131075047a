"""Weights stored once: no file holds an encoder twice, and a model keeps its hash however it is
stored.
"""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save, save_file

from astrojepa.checkpoints import card as cards
from astrojepa.checkpoints.card import released_facts
from astrojepa.checkpoints.errors import CheckpointError
from astrojepa.checkpoints.model import Model, load_model, save_released
from astrojepa.config import replace
from astrojepa.presets import PRESETS, preset
from tests.tiny_run import TINY

SIZES = {
    key: value
    for key, value in TINY.items()
    if key not in ("num_directions", "batch_size", "epochs")
}


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Model:
    """A model as it is drawn: its moving average equals its encoder."""
    monkeypatch.setitem(PRESETS, "tiny.test", replace(preset("small.sigreg06"), **SIZES))
    return load_model("random:tiny.test")


def metadata(path: Path) -> dict[str, str]:
    (length,) = struct.unpack("<Q", path.read_bytes()[:8])
    found: dict[str, str] = json.loads(path.read_bytes()[8 : 8 + length])["__metadata__"]
    return found


def stored_whole(model: Model, path: Path) -> bytes:
    """What the file of a model would be with nothing left out."""
    state = {
        name: value.half() if value.is_floating_point() else value
        for name, value in model.network.state_dict().items()
    }
    return save(state, metadata(path))


def repaired(path: Path) -> Path:
    """Make a card fit its weights again."""
    card = path.with_suffix(".json")
    card.write_text(
        json.dumps(
            json.loads(card.read_text()) | {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        )
    )
    return path


def test_an_average_that_equals_its_encoder_is_left_out_and_comes_back(
    model: Model, tmp_path: Path
) -> None:
    path = save_released(model, tmp_path, {"id": "tiny.test"})
    assert not [name for name in load_file(path) if name.startswith("target_encoder.")]
    loaded = load_model(path).network.state_dict()
    assert loaded.keys() == model.network.state_dict().keys()
    for name, value in model.network.state_dict().items():
        assert torch.equal(
            loaded[name], value.half().float() if value.is_floating_point() else value
        ), name


def test_an_average_that_differs_anywhere_is_stored(model: Model, tmp_path: Path) -> None:
    with torch.no_grad():
        next(model.network.target_encoder.parameters()).view(-1)[0] += 1
    path = save_released(model, tmp_path, {"id": "tiny.test"})
    assert load_file(path).keys() == model.network.state_dict().keys()
    assert load_model(path).hash == hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def test_a_model_has_the_hash_of_its_whole_file_however_it_is_stored(
    model: Model, tmp_path: Path
) -> None:
    path = save_released(model, tmp_path, {"id": "tiny.test"})
    once, whole = path.read_bytes(), stored_whole(model, path)
    assert len(once) < 0.8 * len(whole)
    expected = hashlib.sha256(whole).hexdigest()[:16]
    for data in (once, whole):
        path.write_bytes(data)
        repaired(path)
        assert load_model(path).hash == released_facts(path).hash == expected


def test_vectors_do_not_depend_on_how_weights_are_stored(model: Model, tmp_path: Path) -> None:
    path = save_released(model, tmp_path, {"id": "tiny.test"})
    frames = np.random.default_rng(0).integers(0, 255, (3, 37, 37, 3), dtype=np.uint8)
    once = load_model(path).encode(frames)
    path.write_bytes(stored_whole(model, path))
    np.testing.assert_array_equal(load_model(repaired(path)).encode(frames), once)


def test_half_an_average_is_refused(model: Model, tmp_path: Path) -> None:
    path = save_released(model, tmp_path, {"id": "tiny.test"})
    state, kept = load_file(path), metadata(path)
    name = next(name for name in state if name.startswith("encoder."))
    save_file(state | {f"target_{name}": state[name].clone()}, path, kept)
    with pytest.raises(CheckpointError, match="tensors missing"):
        load_model(repaired(path))


@pytest.mark.parametrize("length", [0, 3, 2**40])
def test_a_torn_file_is_refused_in_the_same_words_by_its_facts(
    model: Model, tmp_path: Path, length: int
) -> None:
    path = save_released(model, tmp_path, {"id": "tiny.test"})
    path.write_bytes(struct.pack("<Q", length) + path.read_bytes()[8:])
    for read in (load_model, released_facts):
        with pytest.raises(CheckpointError, match="cut short"):
            read(repaired(path))


def test_a_released_model_whose_weights_are_elsewhere_says_how_to_get_them(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cards, "CHECKPOINTS", tmp_path)
    save_released(model, tmp_path, {"id": "tiny.away"}).unlink()
    save_released(model, tmp_path, {"id": "tiny.here"})
    listed: dict[str, Any] = {card["id"]: card for card in cards.list_checkpoints()}
    assert listed["tiny.away"][cards.ABSENT] is True
    assert (
        [card["id"] for card in cards.usable([*listed.values()])]
        == ["tiny.here"]
        == cards.released_ids()
    )
    assert cards.best_id() == "tiny.here"
    for read in (load_model, released_facts):
        with pytest.raises(
            FileNotFoundError,
            match=r"tiny\.away is released, and its weights are not here; name who publishes",
        ):
            read("tiny.away")
        with pytest.raises(FileNotFoundError, match=r"released: tiny\.here"):
            read("tiny.nowhere")


def test_a_name_that_is_a_path_is_not_looked_up_among_the_cards() -> None:
    assert cards.without_weights("../checkpoints/small.ijepa") == cards.without_weights("") == ""

"""Checkpoints: what is saved is what is loaded, and hostile or damaged files are refused with a
sentence.
"""

from __future__ import annotations

import dataclasses
import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from astrojepa.checkpoints import card as cards
from astrojepa.checkpoints import model as models
from astrojepa.checkpoints.card import list_checkpoints
from astrojepa.checkpoints.errors import CheckpointError
from astrojepa.checkpoints.model import CHUNK, load_model, save_released
from astrojepa.checkpoints.weights import build_network
from astrojepa.config import replace
from astrojepa.data.crops import centre_crop
from astrojepa.evaluation.patches.patch_errors import patch_errors
from astrojepa.presets import PRESETS, preset
from tests.tiny_run import TINY

SIZES = {
    key: value
    for key, value in TINY.items()
    if key not in ("num_directions", "batch_size", "epochs")
}


@pytest.fixture
def model(monkeypatch):
    monkeypatch.setitem(PRESETS, "tiny.test", replace(preset("small.sigreg06"), **SIZES))
    return load_model("random:tiny.test")


@pytest.fixture
def released(model, tmp_path, monkeypatch) -> Path:
    """A released checkpoint in a folder that stands for checkpoints/."""
    monkeypatch.setattr(cards, "CHECKPOINTS", tmp_path)
    return save_released(
        model, tmp_path, {"id": "tiny.test", "data": {"name": "made up"}}, torch.float32
    )


def edit_card(path: Path, **changes) -> None:
    card = path.with_suffix(".json")
    card.write_text(json.dumps({**json.loads(card.read_text()), **changes}))


def replace_weights(path: Path, state: dict[str, torch.Tensor]) -> None:
    """Write other tensors and a card whose hash fits them."""
    save_file(state, path)
    edit_card(path, sha256=cards.hashlib.sha256(path.read_bytes()).hexdigest())


def test_a_released_model_is_the_model_that_was_saved(model, released):
    loaded = load_model("tiny.test")
    frames = np.random.default_rng(0).integers(0, 255, (4, 37, 37, 3), dtype=np.uint8)
    np.testing.assert_array_equal(loaded.encode(frames), model.encode(frames))
    assert (loaded.config, loaded.mean, loaded.std) == (model.config, model.mean, model.std)
    assert loaded.card["sha256"] == cards.file_hash(released)


@pytest.mark.parametrize(("orientations", "mirrored"), [(4, False), (8, True)])
def test_the_mean_over_orientations_does_not_change_when_a_galaxy_is_turned(
    model, orientations, mirrored
):
    averaged = dataclasses.replace(model, config=replace(model.config, orientations=orientations))
    frames = np.random.default_rng(0).integers(0, 255, (2, 37, 37, 3), dtype=np.uint8)
    size = model.config.image.image_size
    # as large as what the network sees, so that it turns about its own centre
    square = centre_crop(frames, size)
    turned = np.rot90(square, 3, axes=(1, 2))
    expected = np.mean(
        [model.encode(np.rot90(square, turns, axes=(1, 2))) for turns in range(4)], axis=0
    )
    if not mirrored:
        np.testing.assert_allclose(averaged.encode(square), expected, atol=1e-5)
    np.testing.assert_allclose(averaged.encode(turned), averaged.encode(square), atol=1e-5)
    moved = np.abs(averaged.encode(turned[:, :, ::-1]) - averaged.encode(square)).max()
    assert bool(moved < 1e-5) == mirrored
    assert np.abs(model.encode(turned) - model.encode(square)).max() > 1e-3, (
        "one orientation does change"
    )


def test_the_mean_over_scales_is_that_of_the_crops_resampled_to_the_networks_input(model):
    averaged = dataclasses.replace(model, config=replace(model.config, scales=3, crop_fraction=0.5))
    size = model.config.image.image_size
    frame = np.random.default_rng(0).integers(0, 255, (1, size // 4, size // 4, 3), dtype=np.uint8)
    # flat squares of 8 pixels, so that resampling has one answer to a percent
    frame = frame.repeat(8, axis=1).repeat(8, axis=2)
    expected = []
    for side in averaged.config.crop_sides:
        crop = Image.fromarray(centre_crop(frame, side)[0]).resize(
            (size, size), Image.Resampling.BILINEAR
        )
        expected.append(model.encode(np.array(crop)[None]))
    assert [side / size for side in averaged.config.crop_sides] == pytest.approx(
        [1, 0.8, 1.25], abs=1 / size
    )
    np.testing.assert_allclose(averaged.encode(frame), np.mean(expected, axis=0), atol=0.01)
    assert np.abs(expected[1] - expected[2]).max() > 0.04, "scales do differ"


@pytest.mark.parametrize("orientations", [4, 8])
def test_fewer_passes_are_the_first_ones(model, orientations):
    config = replace(model.config, orientations=orientations, scales=3, crop_fraction=0.5)
    whole = dataclasses.replace(model, config=config)
    one_scale = dataclasses.replace(model, config=replace(config, scales=1))
    plain = dataclasses.replace(model, config=replace(config, scales=1, orientations=1))
    frames = np.random.default_rng(0).integers(0, 255, (3, 64, 64, 3), dtype=np.uint8)
    np.testing.assert_allclose(
        whole.encode(frames, passes=orientations), one_scale.encode(frames), atol=1e-6
    )
    np.testing.assert_allclose(whole.encode(frames, passes=1), plain.encode(frames), atol=1e-6)
    np.testing.assert_array_equal(
        whole.encode(frames, passes=3 * orientations), whole.encode(frames)
    )
    assert np.abs(whole.encode(frames, passes=1) - whole.encode(frames)).max() > 1e-3


def test_how_many_are_embedded_together_changes_nothing(model):
    frames = np.random.default_rng(0).integers(0, 255, (2 * CHUNK + 3, 37, 37, 3), dtype=np.uint8)
    one_by_one = np.concatenate([model.encode(frame[None]) for frame in frames])
    np.testing.assert_allclose(model.encode(frames), one_by_one, atol=1e-5)
    np.testing.assert_array_equal(model.encode(frames)[:CHUNK], model.encode(frames[:CHUNK]))
    assert model.encode(frames[:0]).shape == (0, 16)


def test_an_embedding_in_bfloat16_is_that_in_float32_to_its_rounding_on_every_processor(model):
    frames = np.random.default_rng(0).integers(0, 255, (8, 37, 37, 3), dtype=np.uint8)
    exact, rounded = (model.encode(frames, precision=name) for name in ("float32", "bfloat16"))
    assert exact.dtype == rounded.dtype == np.float32
    np.testing.assert_array_equal(exact, model.encode(frames))
    assert 0 < np.abs(rounded - exact).max() < 0.02 * np.abs(exact).max()


def test_half_precision_changes_embeddings_by_less_than_a_part_in_a_hundred(model, released):
    save_released(model, released.parent, {"id": "tiny.half"}, torch.float16)
    frames = np.random.default_rng(0).integers(0, 255, (4, 37, 37, 3), dtype=np.uint8)
    full, half = (load_model(name).encode(frames) for name in ("tiny.test", "tiny.half"))
    assert np.abs(full - half).max() < 0.01 * np.abs(full).max()


def test_a_model_is_found_by_id_path_and_best(released):
    assert (
        load_model("best").id
        == load_model(released).id
        == load_model(str(released)).id
        == "tiny.test"
    )
    assert [card["id"] for card in list_checkpoints(released.parent)] == ["tiny.test"]


def test_a_missing_model_names_what_there_is(released):
    with pytest.raises(FileNotFoundError, match=r"There is no model 'nope'; released: tiny.test"):
        load_model("nope")
    with pytest.raises(FileNotFoundError, match=r"There is no model 'x+ … x+'; released"):
        load_model("x" * 5000)
    with pytest.raises(
        FileNotFoundError,
        match=r"It is a preset: train it with python train.py --preset vit5m.sigreg06",
    ):
        load_model("model3")


def test_prepare_and_encode_agree_on_what_the_network_sees(model):
    image = np.random.default_rng(1).integers(0, 255, (37, 37, 3), dtype=np.uint8)
    with torch.inference_mode():
        embedded = model.network.embed(model.prepare(image)).numpy()
    np.testing.assert_allclose(embedded, model.encode(image[None]), atol=1e-6)


def test_random_controls_follow_their_seed_and_leave_torchs_generator_alone(model):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first, again, other = model.randomised(1), model.randomised(1), model.randomised(2)
    assert torch.equal(torch.rand(3), expected)
    assert first.hash == again.hash != other.hash
    frames = np.zeros((1, 37, 37, 3), np.uint8)
    np.testing.assert_array_equal(first.encode(frames), again.encode(frames))
    assert not np.array_equal(first.encode(frames), other.encode(frames))


def test_weights_move_to_an_encoder_of_the_same_layers_and_keep_their_predictor():
    sizes = {"backbone": "petrosian:resnet10t", "predictor_depth": 1, "prediction_weight": 1.0}
    config = replace(preset("smallresnet10t.petrosian"), **sizes)
    one = models.random_model(config, 0, torch.device("cpu"))
    nested = one.with_backbone("nested:resnet10t")
    frames = np.random.default_rng(0).integers(0, 256, (2, 128, 128, 3), np.uint8)
    vectors = nested.encode(frames)
    assert vectors.shape == (2, 2 * one.width)
    np.testing.assert_allclose(vectors[:, : one.width], one.encode(frames), rtol=1e-4, atol=1e-5)
    before, after = (patch_errors(which, frames[0]).mse for which in (one, nested))
    np.testing.assert_array_equal(before, after)
    assert nested.hash != one.hash
    assert nested.id == f"{one.id} (nested:resnet10t)"


def test_with_another_encoder_a_card_says_nothing_of_the_vectors_of_before():
    drawn = load_model("random:smallresnet10t.petrosian")
    training = {"steps": 3, "seconds": 1.0, "device": "cpu", "linear_accuracy": 0.8}
    card = {"training": training, "measured": [{"data": "x"}], "curve": [{"effective_rank": 9}]}
    known = dataclasses.replace(drawn, card=card).with_backbone("nested:resnet10t").card
    training.pop("linear_accuracy")
    assert known == {"training": training, "measured": [], "curve": []}


def test_weights_that_do_not_fit_another_encoder_are_refused_with_both_names():
    drawn = load_model("random:smallresnet10t.polar")
    with pytest.raises(ValueError, match=r"\(polar:resnet10t\) do not fit `backbone` resnet18\."):
        drawn.with_backbone("resnet18")


def test_changed_weights_are_noticed_by_their_hash(released):
    content = bytearray(released.read_bytes())
    content[-1] ^= 1
    released.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"has SHA-256 .*its card says"):
        load_model(released)


def test_weights_of_another_architecture_are_refused_with_both_shapes(model, released):
    wider = build_network(
        replace(model.config, width=32, predictor_width=16), torch.device("cpu")
    ).state_dict()
    replace_weights(released, wider)
    with pytest.raises(
        CheckpointError, match=r"with shape \(\d.*\), but its architecture needs \(\d.*\)"
    ):
        load_model(released)


def test_missing_tensors_are_named(model, released):
    state = model.network.state_dict()
    del state["predictor.mask_token"]
    replace_weights(released, state)
    with pytest.raises(
        CheckpointError, match=r"1 tensors missing \(first: \['predictor.mask_token'\]\)"
    ):
        load_model(released)


def test_weights_that_are_not_numbers_are_refused(model, released):
    state = {key: value.clone() for key, value in model.network.state_dict().items()}
    state["predictor.out.bias"][0] = float("nan")
    replace_weights(released, state)
    with pytest.raises(CheckpointError, match=r"values in predictor.out.bias that are not finite"):
        load_model(released)


@pytest.mark.parametrize("size", [9, 100, 1000])
def test_a_file_cut_short_is_refused(released, size):
    released.write_bytes(released.read_bytes()[:size])
    edit_card(released, sha256=cards.hashlib.sha256(released.read_bytes()).hexdigest())
    with pytest.raises(CheckpointError, match="cut short"):
        load_model(released)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": 99}, "card of format 99"),
        ({"config": {"model": {"width": 10**9}}}, r"`width` is 1000000000; it must lie in"),
        (
            {"config": {"model": {"width": 2048, "heads": 32, "depth": 48}}},
            "parameters; at most",
        ),
        ({"config": {"modell": {}}}, "unknown settings modell"),
        ({"config": []}, "must be an object"),
        ({"normalisation": {"mean": [0, 0, 0], "std": [1, 1, 0]}}, "3 positive deviations"),
        ({"normalisation": {}}, "cannot use"),
    ],
)
def test_a_hostile_card_is_refused_before_anything_is_built(released, changes, message):
    edit_card(released, **changes)
    with pytest.raises(CheckpointError, match=message):
        load_model(released)


def test_a_card_that_could_not_be_read_is_not_written_and_the_one_before_stays(
    model, tmp_path, monkeypatch
):
    before = save_released(model, tmp_path, {"id": "tiny.test"})
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    monkeypatch.setattr(models, "MAX_CARD_BYTES", 5_000)
    with pytest.raises(ValueError, match=r"card of tiny.test would have .* more than the 5,000"):
        save_released(model, tmp_path, {"id": "tiny.test", "scores": [0.5] * 2_000})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == files
    assert load_model(before).id == "tiny.test"


def test_a_card_that_is_missing_huge_or_no_json_is_refused_and_listed_with_its_reason(released):
    card = released.with_suffix(".json")
    card.write_text("{" + " " * (cards.MAX_CARD_BYTES + 1))
    with pytest.raises(CheckpointError, match="more than the 8,000,000 allowed"):
        load_model(released)
    card.write_text("not json")
    assert "not valid JSON" in list_checkpoints(released.parent)[0]["error"]
    card.unlink()
    with pytest.raises(CheckpointError, match="has no card"):
        load_model(released)


class Evil:
    """Runs code when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("suffix", [".pt", ".pth"])
@pytest.mark.parametrize("writer", ["torch", "pickle"])
def test_a_pickle_with_code_in_it_does_not_run(tmp_path, suffix, writer):
    trap, path = tmp_path / "trap", tmp_path / f"evil{suffix}"
    content = {"format": 1, "config": Evil(trap), "network": {}, "normalisation": {}}
    if writer == "torch":
        torch.save(content, path)
    else:
        path.write_bytes(pickle.dumps(content))
    with pytest.raises(
        CheckpointError,
        match=r"not opened, because such a file can run code|not a readable checkpoint",
    ):
        load_model(path)
    assert not trap.exists()


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path):
    for name, content in (
        ("text.pt", b"hello, this is not a checkpoint"),
        ("short.pt", b"PK\x03\x04" + b"\0" * 40),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(CheckpointError, match=r"not a readable checkpoint|can run code"):
            load_model(tmp_path / name)
    torch.save({"something": torch.zeros(2)}, tmp_path / "other.pt")
    with pytest.raises(
        CheckpointError, match=r"not a checkpoint of this project: found \['something'\]"
    ):
        load_model(tmp_path / "other.pt")


def test_an_encoder_only_model_embeds_and_says_that_it_cannot_predict(monkeypatch):
    monkeypatch.setitem(
        PRESETS,
        "tiny.encoder",
        replace(
            preset("small.sigreg06"),
            **{**SIZES, "predictor_depth": 0, "prediction_weight": 0.0, "invariance_weight": 1.0},
        ),
    )
    model = load_model("random:tiny.encoder")
    assert not model.has_predictor
    assert model.encode(np.zeros((2, 37, 37, 3), np.uint8)).shape == (2, 16)
    with pytest.raises(ValueError, match="has no predictor"):
        patch_errors(model, np.zeros((37, 37, 3), np.uint8))


def test_the_same_weights_read_in_another_way_are_released_under_another_hash(model, tmp_path):
    turned_too = dataclasses.replace(model, config=replace(model.config, orientations=4))
    hashes = [
        load_model(save_released(one, tmp_path, {"id": "tiny.test"})).hash
        for one in (model, turned_too, model)
    ]
    assert hashes[0] == hashes[2] != hashes[1]

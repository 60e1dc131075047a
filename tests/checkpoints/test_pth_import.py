"""The first published layout, restated here as a slow reference, loads and gives the same
numbers.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from astrojepa.checkpoints.errors import CheckpointError
from astrojepa.checkpoints.model import load_model
from astrojepa.types import PatchMasks

WIDTH, DEPTH, HEADS, SIZE, PATCH = 24, 2, 3, 32, 8
TOKENS = (SIZE // PATCH) ** 2


class PublishedTransformer(nn.Module):
    """Learned positions, pre-norm ReLU layers, a final norm."""

    def __init__(self) -> None:
        super().__init__()
        self.pos_embed = nn.Parameter(torch.randn(1, TOKENS, WIDTH) * 0.1)
        layer = nn.TransformerEncoderLayer(
            WIDTH, HEADS, 4 * WIDTH, batch_first=True, norm_first=True
        )
        self.blocks = nn.TransformerEncoder(layer, DEPTH, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(WIDTH)

    def forward(self, tokens):
        return self.norm(self.blocks(tokens))


class PublishedModel(nn.Module):
    """One patch embedding, two encoders, a predictor of the same width."""

    def __init__(self) -> None:
        super().__init__()
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(3, WIDTH, PATCH, PATCH)})
        self.context_encoder, self.target_encoder, self.predictor = (
            PublishedTransformer() for _ in range(3)
        )
        self.mask_token = nn.Parameter(torch.randn(1, 1, WIDTH))

    def embed(self, images):
        return self.patch_embed["proj"](images).flatten(2).transpose(1, 2)


@pytest.fixture
def published() -> PublishedModel:
    torch.manual_seed(0)
    model = PublishedModel().eval()
    for item in model.parameters():  # norms and biases away from their initial values
        nn.init.normal_(item, std=0.2)
    return model


@pytest.fixture
def content(published) -> dict:
    """As the file was written: numpy numbers inside the config and beside the weights."""
    return {
        "epoch": 7,
        "model_state_dict": published.state_dict(),
        "optimizer_state_dict": {"state": {}, "param_groups": []},
        "val_loss": np.float64(0.0594),
        "config": {
            "img_size": SIZE,
            "embed_dim": WIDTH,
            "num_heads": HEADS,
            "enc_depth": DEPTH,
            "pred_depth": np.int64(DEPTH),
            "patch_size": PATCH,
            "mask_scale": (0.2, 0.3),
            "lr": np.float64(1e-4),
            "center_crop_size": 140,
            "device": "cuda",
        },
    }


def test_target_tokens_are_those_of_the_published_layers(published, content, tmp_path):
    torch.save(content, tmp_path / "model.pth")
    model = load_model(tmp_path / "model.pth")
    images = torch.randn(3, 3, SIZE, SIZE)
    with torch.no_grad():
        theirs = published.target_encoder(
            published.embed(images) + published.target_encoder.pos_embed
        )
        ours, _ = model.network.target_encoder(images)
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)
    assert model.config.image.crop_fraction == 140 / 256
    assert model.card["epoch"] == 7


def test_predictions_are_theirs_when_nothing_is_hidden_from_the_encoder(
    published, content, tmp_path
):
    torch.save(content, tmp_path / "model.pth")
    model = load_model(tmp_path / "model.pth")
    images = torch.randn(2, 3, SIZE, SIZE)
    everything = torch.arange(TOKENS).expand(2, -1)
    asked = torch.tensor([[1, 2, 5, 6]]).expand(2, -1)
    seen = torch.tensor([[k for k in range(TOKENS) if k not in (1, 2, 5, 6)]]).expand(2, -1)
    with torch.no_grad():
        context, _ = model.network.encoder(images, everything)
        theirs = context + published.predictor.pos_embed
        theirs[:, asked[0]] = published.mask_token + published.predictor.pos_embed[:, asked[0]]
        theirs = published.predictor(theirs)[:, asked[0]]
        ours = model.network.predict(context[:, seen[0]], PatchMasks(seen, asked[:, None]))[:, 0]
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


def test_patch_errors_can_be_read_off_an_imported_model(content, tmp_path):
    torch.save(content, tmp_path / "model.pth")
    model = load_model(tmp_path / "model.pth")
    assert model.has_predictor
    assert model.encode(
        np.zeros((2, model.config.image.frame_size, model.config.image.frame_size, 3), np.uint8)
    ).shape == (
        2,
        WIDTH,
    )


def test_a_file_without_a_config_or_with_missing_tensors_is_refused(content, tmp_path):
    path = tmp_path / "model.pth"
    torch.save({**content, "config": {"img_size": 32}}, path)
    with pytest.raises(
        CheckpointError, match=r"no usable config: expected img_size.*found \['img_size'\]"
    ):
        load_model(path)
    del content["model_state_dict"]["mask_token"]
    torch.save(content, path)
    with pytest.raises(CheckpointError, match="has no tensor 'mask_token'"):
        load_model(path)


def test_a_hostile_size_in_the_config_is_refused_before_anything_is_built(content, tmp_path):
    content["config"]["embed_dim"] = 10**8
    torch.save(content, tmp_path / "model.pth")
    with pytest.raises(CheckpointError, match="`width` is 100000000; it must lie in"):
        load_model(tmp_path / "model.pth")

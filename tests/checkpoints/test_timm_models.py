"""Networks of timm as models: what they embed is what timm computes, with weights from a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import astrojepa as aj
from astrojepa.models.timm_import import timm

NAMES = ("test_vit", "test_resnet", "test_efficientnet")
SIDE = 160


@pytest.fixture
def frames() -> np.ndarray:
    """Two frames whose centre of 160 pixels the networks see."""
    size = aj.load_model("timm:test_vit").config.image.frame_size
    return np.random.default_rng(0).integers(0, 256, (2, size, size, 3), dtype=np.uint8)


def network(name: str) -> Any:
    """Timm's own network, classifier included, whose batch norms have seen something."""
    torch.manual_seed(7)
    net = timm.create_model(name, pretrained=False)
    for key, value in net.state_dict().items():
        if key.endswith(("running_mean", "running_var")):
            value.uniform_(0.5, 1.5)
    return net.eval()


def expected(net: Any, name: str, frames: np.ndarray) -> np.ndarray:
    """What the classifier of timm's network is given, by timm's own recipe."""
    facts = timm.get_pretrained_cfg(name)
    edge = (frames.shape[1] - SIDE) // 2
    centre = torch.from_numpy(frames[:, edge : edge + SIDE, edge : edge + SIDE]).permute(0, 3, 1, 2)
    mean, std = (torch.tensor(part)[:, None, None] for part in (facts.mean, facts.std))
    with torch.no_grad():
        pixels = (centre / 255 - mean) / std
        return net.forward_head(net.forward_features(pixels), pre_logits=True).numpy()


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["safetensors", "pth", "wrapped pth"])
def test_weights_of_a_file_embed_as_timm_does(
    name: str, kind: str, frames: np.ndarray, tmp_path: Path
) -> None:
    net = network(name)
    state = {key: value.contiguous() for key, value in net.state_dict().items()}
    path = tmp_path / f"theirs.{kind.split()[-1]}"
    if kind == "safetensors":
        save_file(state, path)
    elif kind == "pth":
        torch.save(state, path)
    else:
        inner = {f"module.backbone.{key}": value for key, value in state.items()}
        torch.save({"epoch": 3, "state_dict": inner | {"module.head.w": torch.ones(2)}}, path)
    model = aj.load_model(f"timm:{name}@{path}")
    np.testing.assert_allclose(model.encode(frames), expected(net, name, frames), atol=2e-5)
    assert model.id == f"timm:{name}@theirs"
    assert (model.config.image.image_size, model.grid, model.has_predictor) == (SIDE, 10, False)


@pytest.mark.slow
def test_random_weights_are_the_same_every_time_and_other_weights_have_another_hash(
    frames: np.ndarray, tmp_path: Path
) -> None:
    one, two = (aj.load_model("timm:test_vit") for _ in range(2))
    np.testing.assert_array_equal(one.encode(frames), two.encode(frames))
    assert one.hash == two.hash
    assert one.card == {"id": "timm:test_vit", "random": True}
    torch.save(network("test_vit").state_dict(), tmp_path / "a.pth")
    hashes = {one.hash, aj.load_model("timm:test_resnet").hash, one.randomised(1).hash}
    assert len(hashes | {aj.load_model(f"timm:test_vit@{tmp_path / 'a.pth'}").hash}) == 4


@pytest.mark.parametrize("name", NAMES)
def test_places_of_timms_last_map_are_compared_by_scores_of_tokens(name: str) -> None:
    data = aj.open_dataset("simulated:4")
    from astrojepa.evaluation.anomalies.scoring import score_by_name

    scores = score_by_name(aj.load_model(f"timm:{name}"), data, "asymmetry")
    assert scores.shape == (4,)
    assert (scores >= 0).all()


def test_what_is_hidden_reaches_no_token() -> None:
    encoder = aj.load_model("timm:test_resnet").network.encoder
    images = torch.rand(1, 3, SIDE, SIDE)
    other = images.clone()
    other[..., 16:32] = 9.0
    index = torch.tensor([[0, 10, 55]])
    with torch.no_grad():
        assert torch.equal(
            encoder.patch_tokens(images, index)[0], encoder.patch_tokens(other, index)[0]
        )


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("timm:resnet19", "timm has no network 'resnet19'; near it are resnet"),
        ("timm:resnet18.nobody", "timm has no network 'resnet18.nobody'"),
        ("timm:hf-hub:somebody/net", "timm has no network 'hf-hub:somebody/net'"),
        ("timm:", "timm has no network ''"),
    ],
)
def test_an_unknown_network_is_refused_and_nothing_is_fetched(name: str, message: str) -> None:
    with pytest.raises(ValueError, match="timm has no network") as refused:
        aj.load_model(name)
    assert message in str(refused.value)


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no weights .*none.pth for timm:test_vit"):
        aj.load_model(f"timm:test_vit@{tmp_path / 'none.pth'}")
    state = network("test_resnet").state_dict()
    torch.save(state, tmp_path / "other.pth")
    with pytest.raises(ValueError, match="does not fit its architecture"):
        aj.load_model(f"timm:test_vit@{tmp_path / 'other.pth'}")
    torch.save(state | {"extra": torch.ones(1)}, tmp_path / "more.pth")
    with pytest.raises(ValueError, match="1 unknown"):
        aj.load_model(f"timm:test_resnet@{tmp_path / 'more.pth'}")
    state["conv1.0.weight" if "conv1.0.weight" in state else next(iter(state))].fill_(np.nan)
    torch.save(state, tmp_path / "nan.pth")
    with pytest.raises(ValueError, match="not finite"):
        aj.load_model(f"timm:test_resnet@{tmp_path / 'nan.pth'}")


def test_embeddings_of_a_timm_network_are_like_any_others() -> None:
    found = aj.embed(aj.load_model("timm:test_vit"), aj.open_dataset("simulated:6"))
    assert found.vectors.shape == (6, 64)
    assert aj.neighbours(found, 0, 2).indices.shape == (2,)


def test_a_timm_network_is_loaded_and_not_pretrained(tmp_path: Path) -> None:
    config = aj.load_model("timm:test_vit").config
    with pytest.raises(ValueError, match="`backbone` timm:test_vit is loaded with weights of its"):
        aj.train(config, out=tmp_path / "run")

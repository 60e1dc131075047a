"""Transfer from ImageNet: the weights are found by a file's name and read by order and shape."""

from pathlib import Path

import numpy as np
import pytest
import torch

from astrojepa.data import open_dataset
from astrojepa.data.crops import centre_crop
from astrojepa.data.frames import frames
from astrojepa.evaluation.baselines.imagenet import NETWORK, imagenet_features, imagenet_weights
from astrojepa.evaluation.vectors.embed import imagenet_transfer
from astrojepa.models.timm_import import timm


@pytest.fixture
def network() -> torch.nn.Module:
    torch.manual_seed(0)
    return timm.create_model(NETWORK, pretrained=False).eval()


@pytest.fixture
def weights(network: torch.nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file as the package has it: names of another library, torch's older format."""
    state = network.state_dict().items()
    renamed = {f"_{name}": value for name, value in state if "num_batches" not in name}
    torch.save(renamed, tmp_path / "weights.pth", _use_new_zipfile_serialization=False)
    monkeypatch.setenv("ASTROJEPA_IMAGENET", str(tmp_path / "weights.pth"))
    return tmp_path / "weights.pth"


def test_vectors_are_mean_and_deviation_of_every_stage_over_the_middle_of_the_frame(
    network: torch.nn.Module, weights: Path
) -> None:
    data = open_dataset("simulated:3")
    crops = centre_crop(np.asarray(frames(data, 320)), 128)
    pictures = (crops / 255 - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)
    with torch.inference_mode():
        stages = network.forward_intermediates(
            torch.from_numpy(pictures).permute(0, 3, 1, 2).float(), intermediates_only=True
        )
    expected = [
        part for stage in stages for part in (stage.mean((2, 3)), stage.numpy().std((2, 3)))
    ]
    found = imagenet_transfer(data)
    assert found is not None
    assert found.vectors.shape == (3, 1024)
    np.testing.assert_allclose(found.vectors, np.concatenate(expected, 1), rtol=1e-3, atol=1e-5)


def test_another_networks_weights_are_refused_by_name(tmp_path: Path) -> None:
    torch.save({"conv.weight": torch.zeros(3, 3)}, tmp_path / "other.pth")
    with pytest.raises(ValueError, match=r"other\.pth does not hold the tensors of tf_efficient"):
        imagenet_features(np.zeros((1, 128, 128, 3), np.uint8), tmp_path / "other.pth")


def test_without_weights_there_is_no_such_baseline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ASTROJEPA_IMAGENET", raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert imagenet_weights() is None
    assert imagenet_transfer(open_dataset("simulated:3")) is None

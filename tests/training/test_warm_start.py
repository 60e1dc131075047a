"""Training that begins with another model's weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import astrojepa as aj
from astrojepa.checkpoints.model import load_model
from astrojepa.cli.train import train_main
from astrojepa.config import replace
from astrojepa.models.jepa import JEPA
from astrojepa.training.trainer import train
from astrojepa.training.warm_start import start_with

RINGS = {
    "backbone": "resnet10t",
    "readout": "rings",
    "readout_width": 4,
    "embedding_width": 16,
    "prediction_weight": 0.0,
    "invariance_weight": 1.0,
    "predictor_depth": 0,
    "local_views": 0,
}


def networks(first, second):
    for config in (first, second):
        torch.manual_seed(len(str(config)))
        yield JEPA(config.image, config.model)


@pytest.mark.slow
@pytest.mark.once
def test_before_its_first_step_a_run_embeds_as_the_model_that_it_starts_from(
    tiny, tmp_path, galaxy_folder
):
    donor = train(replace(tiny, epochs=1), out=tmp_path / "donor", progress=False)
    unmoved = replace(tiny, start_from=str(donor), learning_rate=0.0, final_learning_rate=0.0)
    begun = train(replace(unmoved, epochs=1), out=tmp_path / "begun", progress=False)
    data = aj.open_dataset(str(galaxy_folder))
    before, after = (
        aj.embed(load_model(path / "last.pt"), data, cache=False).vectors for path in (donor, begun)
    )
    np.testing.assert_allclose(after, before, atol=1e-5)
    card = load_model(begun).card
    assert card["started_from"]["id"] == "donor"
    assert str(tmp_path) not in str(card["started_from"])


def test_another_image_size_keeps_all_but_the_layer_after_the_rings(tiny):
    small, large = networks(
        replace(tiny, image_size=64, patch_size=8, **RINGS),
        replace(tiny, image_size=96, patch_size=8, **RINGS),
    )
    before = {name: value.clone() for name, value in large.encoder.state_dict().items()}
    start_with(large, as_model(small))
    for name, value in large.encoder.state_dict().items():
        resized = name.startswith("rings.head")
        source = before[name] if resized else small.evaluated.state_dict()[name]
        assert torch.equal(value, source), name
        assert torch.equal(value, large.target_encoder.state_dict()[name])


def as_model(network):
    """A model of which only id and network matter."""
    return type("Donor", (), {"id": "donor", "network": network})


def test_another_encoder_is_refused_with_what_differs(tiny):
    first, second = networks(tiny, replace(tiny, width=tiny.model.width * 2))
    with pytest.raises(
        ValueError, match=r"`start_from` donor has another encoder .* differ, .* first"
    ):
        start_with(second, as_model(first))


def test_two_donors_are_refused_by_their_flags(tiny_flags, tmp_path, capsys):
    both = ["--encoder-from", "small.lejepa", "--start-from", "small.lejepa"]
    assert train_main([*tiny_flags, *both, "--out", str(tmp_path / "run")]) == 2
    assert "error: Give --encoder-from or --start-from, not both.\n" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()

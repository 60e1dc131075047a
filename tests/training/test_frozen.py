"""A predictor fitted to a frozen encoder: the vectors stay, patch errors come."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

import astrojepa as aj
from astrojepa.checkpoints.model import load_model, save_released
from astrojepa.cli.train import train_main
from astrojepa.config import replace
from astrojepa.presets import preset
from astrojepa.runs import read_metrics
from astrojepa.training.trainer import train
from tests.tiny_run import TINY

VIEWS = {
    "prediction_weight": 0.0,
    "invariance_weight": 1.0,
    "sigreg_scale": "count",
    "predictor_depth": 0,
    "local_views": 0,
    "epochs": 1,
}


@pytest.fixture(scope="module")
def tiny_once(drawn_galaxies, tmp_path_factory):
    """The tiny run on galaxies that no test changes, with one cache for all runs of this file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASTROJEPA_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield replace(preset("small.sigreg06"), data=str(drawn_galaxies), **TINY)


@pytest.fixture(scope="module", params=["vit", "resnet18"])
def encoder_only(request, tiny_once, tmp_path_factory):
    return train(
        replace(tiny_once, backbone=request.param, **VIEWS),
        out=tmp_path_factory.mktemp("donor") / "views",
        progress=False,
    )


@pytest.fixture(scope="module")
def fitted(tiny_once, encoder_only, tmp_path_factory):
    return train(
        replace(tiny_once, encoder_from=str(encoder_only), epochs=4, learning_rate=3e-3),
        out=tmp_path_factory.mktemp("frozen") / "fitted",
        progress=False,
    )


@pytest.mark.slow
@pytest.mark.once
def test_the_vectors_stay_bit_for_bit_and_patch_errors_come(encoder_only, fitted, drawn_galaxies):
    before = load_model(encoder_only)
    assert not before.has_predictor
    after = load_model(fitted / "last.pt")
    data = aj.open_dataset(str(drawn_galaxies))
    assert np.array_equal(
        aj.embed(before, data, cache=False).vectors, aj.embed(after, data, cache=False).vectors
    )
    assert (after.mean, after.std) == (before.mean, before.std)
    assert np.isfinite(aj.patch_errors(after, data[0].image).mse).all()


@pytest.mark.slow
@pytest.mark.once
def test_only_the_predictor_learns_and_it_does(encoder_only, fitted):
    losses = [row["prediction"] for row in read_metrics(fitted)]
    assert losses[-1] < losses[0]
    network, kept = (load_model(fitted / name).network for name in ("last.pt", "best.pt"))
    assert torch.equal(kept.predictor.out.weight, network.predictor.out.weight)
    donor = load_model(encoder_only).network
    own = network.encoder.state_dict()
    assert all(
        torch.equal(own[name], value) for name, value in donor.evaluated.state_dict().items()
    )
    assert network.target_encoder is None  # it would be the same encoder a second time


@pytest.mark.slow
@pytest.mark.once
def test_a_run_resumed_halfway_equals_one_left_alone(tiny_once, encoder_only, tmp_path):
    from tests.training.test_trainer import interrupted_run

    config = replace(tiny_once, encoder_from=str(encoder_only), epochs=2)
    with pytest.raises(KeyboardInterrupt):
        interrupted_run(config, tmp_path / "halted", 3)
    train(config, resume=tmp_path / "halted", progress=False)
    train(config, out=tmp_path / "whole", progress=False)
    first, second = (
        load_model(tmp_path / name / "last.pt").network.state_dict() for name in ("halted", "whole")
    )
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.slow
@pytest.mark.once
def test_the_card_tells_how_the_encoder_was_trained_and_names_no_path(
    encoder_only, fitted, tmp_path
):
    model = load_model(fitted)
    path = save_released(model, tmp_path, {**model.card, "id": "tiny.fitted"})
    card = json.loads(path.with_suffix(".json").read_text())
    assert card["config"]["encoder_from"] == card["encoder"]["id"] == "views"
    assert card["encoder"]["config"]["objective"]["invariance_weight"] == 1.0
    assert card["encoder"]["training"]["steps"] == read_metrics(encoder_only)[-1]["step"]
    for folder in (encoder_only.parent, fitted.parent, tmp_path):
        assert str(folder) not in path.with_suffix(".json").read_text()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (
            [
                "--encoder-from",
                "random:small.lejepa",
                "--predictor-depth",
                "0",
                "--prediction-weight",
                "0",
                "--invariance-weight",
                "1",
            ],
            "--predictor-depth must be at least 1",
        ),
        (["--encoder-from", "nowhere"], "There is no model 'nowhere'"),
    ],
)
def test_what_no_predictor_fits_is_refused(flags, message, tiny_flags, capsys, tmp_path):
    assert train_main(["--data", tiny_flags[1], *flags, "--out", str(tmp_path / "run")]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "run").exists()

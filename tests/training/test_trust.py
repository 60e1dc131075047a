"""Runs one can trust: killed at any moment, watched for collapse, kept at log-spaced steps."""

from __future__ import annotations

import random
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from astrojepa.checkpoints.model import load_model
from astrojepa.checkpoints.weights import read_pickled
from astrojepa.config import replace
from astrojepa.runs import read_metrics
from astrojepa.training import monitor as monitor_module
from astrojepa.training.schedules import snapshot_steps
from astrojepa.training.trainer import train
from tests.apart import start_training
from tests.training.test_trainer import same
from tests.training.tiny_step import RECIPES

KILLS = 4


def position(run: Path) -> int:
    rows = read_metrics(run)
    return rows[-1]["step"] if rows else -1


@pytest.mark.slow(20)
@pytest.mark.once
def test_a_run_killed_again_and_again_equals_one_left_alone(tmp_path, tiny_flags):
    """SIGKILL at random moments of a real process: while it starts, steps, judges or saves."""
    whole, run, chance, kills = tmp_path / "whole", tmp_path / "killed", random.Random(5), 0
    said = tmp_path / "said.txt"
    start = [*tiny_flags, "--epochs", "25", "--out"]
    alone = start_training([*start, str(whole)], said)
    alone.join(300)
    assert alone.exitcode == 0, said.read_text()
    command = [*start, str(run)]
    while True:
        process = start_training(command, said)
        before, deadline = position(run), time.monotonic() + 120
        while (
            kills < KILLS
            and process.is_alive()
            and position(run) <= before
            and time.monotonic() < deadline
        ):
            time.sleep(0.05)
        if kills < KILLS and process.is_alive():
            time.sleep(chance.uniform(0, 0.25))
            process.kill()
            kills += 1
        process.join(300)
        command = ["--resume", str(run)]
        if process.exitcode == 0:
            break
        assert process.exitcode == -9, said.read_text()
    assert kills == KILLS
    first, second = (read_pickled(folder / "last.pt") for folder in (whole, run))
    for part in ("network", "optimizer", "step", "merit", "config", "normalisation", "data"):
        assert same(first[part], second[part]), part
    assert same(
        read_pickled(whole / "best.pt")["network"], read_pickled(run / "best.pt")["network"]
    )
    kept = ("step", "total", "sigreg", "effective_rank", "linear_accuracy")
    assert [[row[key] for key in kept] for row in read_metrics(whole)] == [
        [row[key] for key in kept] for row in read_metrics(run)
    ]


@pytest.mark.slow
def test_a_run_that_ended_before_its_first_save_starts_again(tiny, tmp_path):
    whole = train(replace(tiny, epochs=1), out=tmp_path / "whole", progress=False)
    begun = tmp_path / "begun"
    begun.mkdir()
    (begun / "config.json").write_bytes((whole / "config.json").read_bytes())
    train(tiny, resume=begun, progress=False)
    assert same(*(read_pickled(folder / "last.pt")["network"] for folder in (whole, begun)))


@pytest.mark.parametrize("recipe", ["shared target", "lejepa", "both"])
def test_every_recipe_trains_saves_and_embeds(recipe, tiny, tmp_path):
    config = replace(tiny, **(RECIPES[recipe] | {"epochs": 1}))
    folder = train(config, out=tmp_path / "run", progress=False)
    model = load_model(folder)
    assert model.encode(np.zeros((2, 37, 37, 3), np.uint8)).shape == (2, 16)
    row = read_metrics(folder)[-1]
    assert row["invariance"] > 0 or recipe == "shared target"
    assert model.has_predictor is (recipe != "lejepa")


@pytest.mark.slow
def test_a_convolutional_run_is_released_and_loaded_with_its_running_statistics(tiny, tmp_path):
    from astrojepa.checkpoints.model import save_released

    config = replace(
        tiny,
        **(
            RECIPES["lejepa"]
            | {"epochs": 1, "backbone": "resnet18", "projector_norm": "batch", "local_views": 0}
        ),
    )
    model = load_model(train(config, out=tmp_path / "run", progress=False))
    frames = np.random.default_rng(0).integers(0, 255, (3, 37, 37, 3), dtype=np.uint8)
    released = load_model(save_released(model, tmp_path, {"id": "tiny.lejepa"}))
    assert model.width == 512
    np.testing.assert_allclose(released.encode(frames), model.encode(frames), rtol=0.02, atol=0.02)


def test_a_collapsing_run_raises_an_alarm_in_words(tiny, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(
        "astrojepa.models.jepa.JEPA.embed", lambda self, images: torch.ones(len(images), 16)
    )
    folder = train(replace(tiny, epochs=1), out=tmp_path / "run", progress=True)
    assert "ALARM     step 6: Collapsed: all embeddings are equal." in capsys.readouterr().out
    assert read_metrics(folder)[-1]["alarm"] == "Collapsed: all embeddings are equal."


def test_projections_far_from_gaussian_on_clean_images_raise_an_alarm(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(monitor_module, "FLOOR_ALARM", 0.0)
    monkeypatch.setattr("astrojepa.evaluation.vectors.collapse.RANK_ALARM", 0.0)
    monkeypatch.setattr("astrojepa.evaluation.vectors.collapse.COSINE_ALARM", 1.0)
    folder = train(replace(tiny, epochs=1), out=tmp_path / "run", progress=False)
    assert "Not Gaussian: SIGReg of clean validation images is" in read_metrics(folder)[-1]["alarm"]


def test_snapshots_are_evenly_spaced_in_log_step_and_end_with_the_run():
    assert snapshot_steps(10_000, 5) == {1, 10, 100, 1000, 10_000}
    assert snapshot_steps(100, 0) == set()
    assert snapshot_steps(100, 1) == {100}
    assert max(snapshot_steps(777, 9)) == 777


@pytest.mark.slow
def test_snapshots_can_be_opened_like_any_checkpoint(tiny, tmp_path):
    folder = train(replace(tiny, epochs=2, snapshots=3), out=tmp_path / "run", progress=False)
    files = sorted((folder / "snapshots").iterdir())
    assert [path.name for path in files] == [
        "step-00000001.pt",
        "step-00000003.pt",
        "step-00000012.pt",
    ]
    assert load_model(files[0]).id == "run@step-00000001"


def test_tensorboard_is_written_beside_the_metrics(tiny, tmp_path):
    folder = train(replace(tiny, epochs=1), out=tmp_path / "run", progress=False, tensorboard=True)
    assert list((folder / "tensorboard").glob("events.out.tfevents*"))

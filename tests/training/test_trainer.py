"""Runs: what they write, that they learn, that they resume bit for bit, that they stop."""

from __future__ import annotations

import json
import math
import os
import signal
from statistics import pstdev
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from astrojepa.checkpoints.errors import CheckpointError
from astrojepa.checkpoints.model import load_model
from astrojepa.checkpoints.weights import build_network, read_pickled
from astrojepa.config import TrainConfig, replace
from astrojepa.objective.terms import prediction_loss
from astrojepa.precision import decided
from astrojepa.runs import read_config, read_metrics
from astrojepa.training import monitor as monitoring
from astrojepa.training import prepare as preparing
from astrojepa.training import step as step_module
from astrojepa.training import trainer as module
from astrojepa.training.state import make_optimizer
from astrojepa.training.trainer import TrainingInterrupted, train
from tests.training.tiny_step import CPU


def interrupted_run(config, folder, steps: int) -> None:
    """Train, and press Ctrl-C during step number `steps`."""
    original = module.Trainer.step

    def step(self):
        if self.state.step == steps - 1:
            os.kill(os.getpid(), signal.SIGINT)
        return original(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module.Trainer, "step", step)
        train(config, out=folder, progress=False)


def same(first, second) -> bool:
    if isinstance(first, torch.Tensor):
        return torch.equal(first, second)
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(same(first[key], second[key]) for key in first)
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(map(same, first, second))
    return first == second


def test_a_run_writes_config_metrics_and_checkpoints(tiny, tmp_path):
    folder = train(tiny, out=tmp_path / "run", progress=False)
    assert read_config(folder) == decided(tiny, CPU)[0]
    rows = read_metrics(folder)
    assert [row["step"] for row in rows] == [6, 12, 18]
    for name in (
        "total",
        "prediction",
        "sigreg",
        "sigreg_over_floor",
        "clean_sigreg_over_floor",
        "strength",
        "effective_rank",
        "feature_std",
        "mean_cosine",
        "knn_accuracy",
    ):
        assert all(math.isfinite(row[name]) for row in rows), name
    for row in rows:
        assert row["total"] == pytest.approx(
            0.4 * row["prediction"] + 0.6 * row["sigreg"], rel=1e-4
        )
    card = load_model(folder).card
    assert card["data"]["num_galaxies"] == 96
    assert card["data"]["split"] == "column"


@pytest.mark.slow
def test_a_run_that_is_judged_rarely_learns_the_same(tiny, tmp_path):
    each = train(tiny, out=tmp_path / "each", progress=False)
    rarely = train(tiny, out=tmp_path / "rarely", progress=False, judge_every=2)
    judged = [row["epoch"] for row in read_metrics(rarely) if "effective_rank" in row]
    assert judged == [2, 3], "every second epoch, and the last"
    first, second = (read_pickled(folder / "last.pt") for folder in (each, rarely))
    assert same(first["network"], second["network"])
    assert same(first["optimizer"], second["optimizer"])
    with pytest.raises(ValueError, match="`judge_every`"):
        train(tiny, out=tmp_path / "never", progress=False, judge_every=0)


@pytest.mark.slow
def test_training_lowers_the_objective(tiny, tmp_path):
    folder = train(
        replace(tiny, epochs=15, learning_rate=3e-3), out=tmp_path / "run", progress=False
    )
    rows = read_metrics(folder)
    assert rows[-1]["total"] < 0.7 * rows[0]["total"]


def test_resumed_run_equals_uninterrupted_run(tiny, tmp_path):
    whole = train(tiny, out=tmp_path / "whole", progress=False)
    with pytest.raises(TrainingInterrupted, match="Stopped after step 8; nothing is lost"):
        interrupted_run(tiny, tmp_path / "broken", 8)
    assert read_pickled(tmp_path / "broken" / "last.pt")["step"] == 8
    train(tiny, resume=tmp_path / "broken", progress=False)
    first, second = (read_pickled(folder / "last.pt") for folder in (whole, tmp_path / "broken"))
    for part in ("network", "optimizer", "step", "merit", "config", "normalisation", "data"):
        assert same(first[part], second[part]), part
    ends = [read_metrics(folder)[-1] for folder in (whole, tmp_path / "broken")]
    assert ends[0]["effective_rank"] == ends[1]["effective_rank"]


def test_two_runs_with_one_seed_are_equal_and_another_seed_differs(tiny, tmp_path):
    weights = [
        read_pickled(
            train(replace(tiny, epochs=1, seed=seed), out=tmp_path / str(index), progress=False)
            / "last.pt"
        )["network"]
        for index, seed in enumerate((1, 1, 2))
    ]
    assert same(weights[0], weights[1])
    assert not same(weights[0], weights[2])


@pytest.mark.slow
def test_lines_beyond_the_resumed_step_are_written_again_not_twice(tiny, tmp_path):
    with pytest.raises(TrainingInterrupted):
        interrupted_run(tiny, tmp_path / "run", 8)
    with (tmp_path / "run" / "metrics.jsonl").open("a") as stream:
        stream.write(json.dumps({"step": 11, "epoch": 1.8}) + '\n{"step": 12, "ep')
    train(tiny, resume=tmp_path / "run", progress=False)
    assert [row["step"] for row in read_metrics(tmp_path / "run")] == [6, 12, 18]


def test_plain_ijepa_runs_without_sigreg_in_the_gradient(tiny, tmp_path):
    folder = train(replace(tiny, sigreg_weight=0.0, epochs=1), out=tmp_path / "run", progress=False)
    row = read_metrics(folder)[-1]
    assert row["total"] == pytest.approx(row["prediction"])
    content = read_pickled(folder / "last.pt")
    fresh = build_network(
        replace(tiny, sigreg_weight=0.0), torch.device("cpu"), tiny.seed
    ).state_dict()
    assert torch.equal(content["network"]["projector.weight"], fresh["projector.weight"])


def test_a_loss_that_is_not_finite_stops_the_run_and_names_step_terms_and_rate(
    tiny, tmp_path, monkeypatch
):
    terms = iter(
        [
            prediction_loss,
            prediction_loss,
            lambda prediction, target: prediction_loss(prediction, target) * math.nan,
        ]
    )
    monkeypatch.setattr(
        step_module, "prediction_loss", lambda prediction, target: next(terms)(prediction, target)
    )
    with pytest.raises(
        FloatingPointError, match=r"no longer finite at step 2 \(learning rate .*prediction nan"
    ):
        train(tiny, out=tmp_path / "run", progress=False)


def test_weight_decay_spares_norms_biases_and_tokens(tiny):
    network = build_network(tiny, torch.device("cpu"))
    decayed, spared = make_optimizer(network, tiny).param_groups
    names = {id(item): name for name, item in network.named_parameters()}
    assert decayed["weight_decay"] == 0.05
    assert spared["weight_decay"] == 0.0
    assert all(
        names[id(item)].endswith("weight") and "norm" not in names[id(item)]
        for item in decayed["params"]
    )
    assert {"predictor.mask_token"} <= {names[id(item)] for item in spared["params"]}
    assert not any(
        "target" in names[id(item)] for group in (decayed, spared) for item in group["params"]
    )


@pytest.mark.slow
def test_a_run_resumes_where_its_galaxies_were_moved(tiny, tmp_path, galaxy_folder):
    with pytest.raises(TrainingInterrupted):
        interrupted_run(tiny, tmp_path / "run", 8)
    moved = galaxy_folder.rename(tmp_path / "elsewhere")
    with pytest.raises(FileNotFoundError, match="There is no data at"):
        train(TrainConfig(), resume=tmp_path / "run", progress=False)
    train(replace(TrainConfig(), data=str(moved)), resume=tmp_path / "run", progress=False)
    assert read_pickled(tmp_path / "run" / "last.pt")["step"] == 18


def test_a_run_is_not_overwritten(tiny, tmp_path):
    train(replace(tiny, epochs=1), out=tmp_path / "run", progress=False)
    with pytest.raises(FileExistsError, match="already holds a run; continue it \\(`resume`\\)"):
        train(tiny, out=tmp_path / "run", progress=False)


@pytest.mark.parametrize(
    ("error", "kept"),  # of three epochs, whose sums are 1.4, 1.6 and 1.55
    [(0.0, 2), (0.04, 2), (0.06, 3)],
)
def test_the_best_weights_are_the_latest_within_one_standard_error_of_the_highest_sum_of_probes(
    tiny, tmp_path, monkeypatch, error, kept
):
    accuracies = iter([(0.9, 0.5), (0.85, 0.75), (0.89, 0.66)])  # linear, 20-NN

    def judge(_, network):
        linear, near = next(accuracies)
        return {"linear_accuracy": linear, "knn_accuracy": near, "merit_error": error}

    monkeypatch.setattr(module.Monitor, "judge", judge)
    monkeypatch.setattr(module, "_short", lambda row, seen: "")
    run = train(tiny, out=tmp_path / "run", progress=False)
    assert read_pickled(run / "best.pt")["step"] == read_metrics(run)[kept - 1]["step"]
    assert read_pickled(run / "last.pt")["merit"] == pytest.approx(1.6)


def test_the_error_of_a_merit_is_that_of_correct_answers_by_both_probes(
    tiny, tmp_path, monkeypatch
):
    for name, correct in (("linear_probe", [1, 1, 1, 0]), ("knn_probe", [1, 0, 1, 0])):
        result = SimpleNamespace(accuracy=sum(correct) / 4, correct=np.array(correct, bool))
        monkeypatch.setattr(monitoring, name, lambda *_, result=result: result)
    run = train(replace(tiny, epochs=1), out=tmp_path / "run", progress=False)
    # correct answers per galaxy: 2, 1, 2, 0
    assert read_metrics(run)[-1]["merit_error"] == pytest.approx(pstdev([2, 1, 2, 0]) / 4**0.5)


def test_a_run_of_before_keeps_its_best_weights_until_both_probes_are_better(
    tiny, tmp_path, monkeypatch
):
    accuracies = iter([(0.9, 0.8), (0.95, 0.6), (0.91, 0.8)])

    def judge(_, network):
        return dict(zip(("linear_accuracy", "knn_accuracy"), next(accuracies), strict=True))

    monkeypatch.setattr(module.Monitor, "judge", judge)
    monkeypatch.setattr(module, "_short", lambda row, seen: "")
    run = train(replace(tiny, epochs=1), out=tmp_path / "run", progress=False)
    for name in ("last.pt", "best.pt"):  # which hold the best linear probe, as they did
        content = read_pickled(run / name)
        content["best"] = content.pop("merit") - 0.8
        torch.save(content, run / name)
    longer = json.loads((run / "config.json").read_text())
    for epochs, kept in ((2, 1), (3, 3)):
        longer["optim"]["epochs"] = epochs
        (run / "config.json").write_text(json.dumps(longer))
        train(tiny, resume=run, progress=False)
        assert read_pickled(run / "best.pt")["step"] == read_metrics(run)[kept - 1]["step"]


def test_a_run_does_not_resume_on_other_galaxies(tiny, tmp_path, galaxy_folder):
    train(replace(tiny, epochs=1), out=tmp_path / "run", progress=False)
    table = (galaxy_folder / "labels.csv").read_text().replace("g0,", "other,")
    (galaxy_folder / "labels.csv").write_text(table)
    with pytest.raises(CheckpointError, match="was trained on other galaxies"):
        train(tiny, resume=tmp_path / "run", progress=False)


@pytest.mark.slow
@pytest.mark.parametrize("validation", [0, 1])
def test_a_run_without_validation_galaxies_trains_unjudged_and_resumes(
    tiny, tmp_path, galaxy_folder, validation
):
    table = pd.read_csv(galaxy_folder / "labels.csv")
    table.loc[table.index[table["split"] == "val"][validation:], "split"] = "test"
    table.to_csv(galaxy_folder / "labels.csv", index=False)
    run = train(replace(tiny, epochs=1), out=tmp_path / "run", progress=False)
    assert (run / "best.pt").is_file()
    assert "effective_rank" not in read_metrics(run)[-1]
    train(tiny, resume=run, progress=False)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"image_size": 16}, "No block on a 4×4 grid"),
        ({"batch_size": 100}, "There are 96 galaxies to train on, fewer than `batch_size` 100"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_a_frame_or_a_folder(
    tiny, tmp_path, monkeypatch, changes, sentence
):
    monkeypatch.setattr(preparing, "frames_for", lambda *_: pytest.fail("galaxies were read"))
    with pytest.raises(ValueError, match=sentence):
        train(replace(tiny, **changes), out=tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()


def test_a_channel_of_one_value_trains(tiny, tmp_path, galaxy_folder):
    for path in (galaxy_folder / "images").iterdir():
        pixels = np.array(Image.open(path))
        pixels[..., 1] = 7
        Image.fromarray(pixels).save(path)
    run = train(replace(tiny, epochs=1), out=tmp_path / "run", progress=False)
    assert np.isfinite(read_metrics(run)[-1]["total"])

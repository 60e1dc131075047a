"""Sweeps: what they train, what they leave alone, what they refuse, and the table they end in."""

from __future__ import annotations

import csv
import json
import os
import signal
from pathlib import Path

import pytest
import torch

from astrojepa.config import replace
from astrojepa.precision import decided
from astrojepa.runs import append_metrics, create_run, read_config, read_metrics
from astrojepa.training import trainer
from astrojepa.training.sweep import sweep as module
from astrojepa.training.sweep.sweep import SweepInterrupted, sweep


class WrittenRuns:
    """Stands for training: writes a run's files, and notes which run it was asked for."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.stops_in: tuple[str, int] = ("", 0)  # Ctrl-C in this run's epoch
        self.diverges = ""

    def train(self, config, *, out=None, resume=None, **options) -> Path:
        folder = create_run(config, out) if resume is None else Path(resume)
        name = f"{folder.parent.name}/{folder.name}"
        self.calls.append(name + (" resumed" if resume else ""))
        if name == self.diverges:
            raise FloatingPointError("The loss is no longer finite at step 3.")
        for epoch in range(len(read_metrics(folder)) + 1, config.optim.epochs + 1):
            row = {
                "step": epoch * 6,
                "epoch": float(epoch),
                "total": 1 / epoch,
                "effective_rank": 5.0,
                "sigreg_over_floor": 2.0,
            }
            row["linear_accuracy"] = (
                0.5 + config.objective.sigreg_weight / 10 + config.seed / 1000 + 0.1 * (epoch == 2)
            )
            append_metrics(folder, row)
            torch.save({"step": epoch * 6}, folder / "last.pt")
            if epoch <= 2:
                torch.save({"step": epoch * 6}, folder / "best.pt")
            if (name, epoch) == self.stops_in:
                self.stops_in = ("", 0)
                raise KeyboardInterrupt
        return folder


@pytest.fixture
def written(monkeypatch) -> WrittenRuns:
    runs = WrittenRuns()
    monkeypatch.setattr(module, "train", runs.train)
    return runs


def table(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((folder / "table.csv").read_text().splitlines()))


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


@pytest.mark.slow
def test_a_sweep_trains_every_value_with_every_seed_and_ends_in_one_table(tiny, tmp_path):
    """Real runs; the table is computed a second time from their metrics."""
    base, _ = decided(replace(tiny, epochs=1), torch.device("cpu"))
    folder = sweep(base, {"sigreg_weight": [0.0, 0.6]}, 2, tmp_path / "sweep", progress=False)
    rows = table(folder)
    assert [(row["sigreg_weight"], row["seed"], row["state"]) for row in rows] == [
        (value, seed, "finished") for value in ("0", "0.6") for seed in ("42", "43")
    ]
    lines = (folder / "table.md").read_text().splitlines()
    for index, value in enumerate(("0", "0.6")):
        found = []
        for row, seed in zip(rows[2 * index :], (42, 43), strict=False):
            run = folder / f"sigreg_weight={value}" / f"seed{seed}"
            assert read_config(run) == replace(base, sigreg_weight=float(value), seed=seed)
            last = read_metrics(run)[-1]
            for name in (
                "total",
                "prediction",
                "sigreg",
                "sigreg_over_floor",
                "mean_cosine",
                "knn_accuracy",
                "linear_accuracy",
            ):
                assert float(row[f"{name}_last"]) == float(row[f"{name}_best"]) == last[name], name
            found.append(last)
        shown = cells(lines[2 + index])
        assert shown[:3] == [value, ["0", "1.5"][index], "2"]
        for cell, name, factor, digits in (
            (shown[3], "linear_accuracy", 100, 1),
            (shown[5], "knn_accuracy", 100, 1),
            (shown[6], "effective_rank", 1, 1),
            (shown[7], "sigreg_over_floor", 1, 2),
        ):
            first, second = (run[name] * factor for run in found)
            middle, half = (first + second) / 2, 12.706204736 * abs(first - second) / 2
            assert (
                cell
                == f"{middle:.{digits}f} [{middle - half:.{digits}f}, {middle + half:.{digits}f}]"
            )


def test_best_and_last_are_told_apart_and_one_seed_has_no_interval(tiny, tmp_path, written):
    folder = sweep(
        tiny, {"sigreg_weight": [0.1], "width": [16, 32]}, 1, tmp_path / "sweep", progress=False
    )
    row = table(folder)[1]
    assert (
        row["width"],
        row["step_last"],
        row["step_best"],
        row["knn_accuracy_last"],
        row["failure"],
    ) == (
        "32",
        "18",
        "12",
        "",
        "",
    )
    line = (folder / "table.md").read_text().splitlines()[3]
    assert cells(line) == [
        "0.1",
        "32",
        "0.111",
        "1",
        "55.2 [one seed]",
        "65.2 [one seed]",
        "–",
        "5.0 [one seed]",
        "2.00 [one seed]",
    ]


def test_an_interrupted_sweep_goes_on_without_repeating_what_is_finished(tiny, tmp_path, written):
    written.stops_in = ("sigreg_weight=0/seed43", 2)
    arguments = (tiny, {"sigreg_weight": [0.0, 0.6]}, 2, tmp_path / "sweep")
    with pytest.raises(
        SweepInterrupted,
        match=r"Stopped after 1 of 4 runs in .*sweep; run the same command to continue\.",
    ):
        sweep(*arguments, progress=False)
    assert [row["state"] for row in table(tmp_path / "sweep")] == [
        "finished",
        "waiting",
        "waiting",
        "waiting",
    ]
    written.calls.clear()
    sweep(*arguments, progress=False)
    assert written.calls == [
        "sigreg_weight=0/seed43 resumed",
        "sigreg_weight=0.6/seed42",
        "sigreg_weight=0.6/seed43",
    ]
    assert {row["state"] for row in table(tmp_path / "sweep")} == {"finished"}
    written.calls.clear()
    sweep(*arguments, progress=False)
    assert written.calls == []


def test_a_run_stopped_before_it_saved_anything_starts_anew(tiny, tmp_path, written):
    run = tmp_path / "sweep" / "sigreg_weight=0" / "seed42"
    create_run(tiny, run)
    append_metrics(run, {"step": 3, "epoch": 0.5})
    sweep(tiny, {"sigreg_weight": [0.0]}, 1, tmp_path / "sweep", progress=False)
    assert written.calls == ["sigreg_weight=0/seed42"]
    assert [row["step"] for row in read_metrics(run)] == [6, 12, 18]


def test_a_run_that_logged_its_last_step_but_did_not_save_it_is_resumed(tiny, tmp_path, written):
    folder = sweep(tiny, {"sigreg_weight": [0.0]}, 1, tmp_path / "sweep", progress=False)
    torch.save({"step": 12}, folder / "sigreg_weight=0" / "seed42" / "last.pt")
    sweep(tiny, {"sigreg_weight": [0.0]}, 1, folder, progress=False)
    assert written.calls == ["sigreg_weight=0/seed42", "sigreg_weight=0/seed42 resumed"]


@pytest.mark.slow
def test_a_real_run_of_a_sweep_is_stopped_by_ctrl_c_and_resumed_where_it_stood(
    tiny, tmp_path, monkeypatch
):
    original = trainer.Trainer.step

    def step(self):
        if self.state.step == 7:
            os.kill(os.getpid(), signal.SIGINT)
        return original(self)

    with monkeypatch.context() as patch:
        patch.setattr(trainer.Trainer, "step", step)
        with pytest.raises(SweepInterrupted, match="Stopped after 0 of 1 runs"):
            sweep(tiny, {"sigreg_weight": [0.3]}, 1, tmp_path / "sweep", progress=False)
    folder = sweep(tiny, {"sigreg_weight": [0.3]}, 1, tmp_path / "sweep", progress=False)
    assert [row["step"] for row in read_metrics(folder / "sigreg_weight=0.3" / "seed42")] == [
        6,
        12,
        18,
    ]


def test_other_values_and_more_seeds_extend_a_sweep(tiny, tmp_path, written):
    folder = sweep(tiny, {"sigreg_weight": [0.0]}, 1, tmp_path / "sweep", progress=False)
    written.calls.clear()
    sweep(tiny, {"sigreg_weight": [0.3]}, 2, folder, progress=False)
    assert written.calls == [
        "sigreg_weight=0/seed43",
        "sigreg_weight=0.3/seed42",
        "sigreg_weight=0.3/seed43",
    ]
    record = json.loads((folder / "sweep.json").read_text())
    assert (record["settings"], record["seeds"]) == ({"sigreg_weight": [0.0, 0.3]}, 2)
    assert len(table(folder)) == 4


def test_pairs_survive_the_record(tiny, tmp_path, written):
    arguments = (tiny, {"target_scale": [(0.1, 0.15), (0.15, 0.2)]}, 1, tmp_path / "sweep")
    sweep(*arguments, progress=False)
    sweep(*arguments, progress=False)
    assert written.calls == ["target_scale=0.1:0.15/seed42", "target_scale=0.15:0.2/seed42"]


@pytest.mark.parametrize(
    ("change", "settings", "message"),
    [
        (
            {"epochs": 5},
            {"sigreg_weight": [0.0]},
            r"is a sweep with other settings \(epochs 3, now 5\); use the same settings",
        ),
        ({}, {"width": [32]}, "is a sweep of sigreg_weight, not of width; choose another `out`"),
    ],
)
def test_a_folder_holds_one_sweep(tiny, tmp_path, written, change, settings, message):
    folder = sweep(tiny, {"sigreg_weight": [0.0]}, 1, tmp_path / "sweep", progress=False)
    before = (folder / "sweep.json").read_bytes()
    with pytest.raises(ValueError, match=message):
        sweep(replace(tiny, **change), settings, 1, folder, progress=False)
    assert (folder / "sweep.json").read_bytes() == before
    assert len(written.calls) == 1


def test_a_run_folder_or_a_broken_record_is_no_sweep(tiny, tmp_path, written):
    with pytest.raises(ValueError, match="holds a run, not a sweep; choose another `out`"):
        sweep(tiny, {"sigreg_weight": [0.0]}, 1, create_run(tiny, tmp_path / "run"), progress=False)
    (tmp_path / "sweep.json").write_text('{"settings": [1]}')
    with pytest.raises(
        ValueError,
        match=r"sweep\.json lacks config, settings or seeds; choose another `out`",
    ):
        sweep(tiny, {"sigreg_weight": [0.0]}, 1, tmp_path, progress=False)


@pytest.mark.parametrize(
    ("settings", "seeds", "message"),
    [
        ({"sigreg_weight": [0.0, 1.5]}, 1, r"`sigreg_weight` is 1\.5; it must lie in \[0, 1\]"),
        (
            {"sigreg_weight": [0.0], "patch_size": [4, 5]},
            1,
            "`patch_size` 5 does not divide `image_size` 32",
        ),
        (
            {"seed": [1, 2]},
            1,
            r"cannot vary 'seed'; it varies settings of the recipe, .* and `seeds` the seed",
        ),
        ({"data": ["elsewhere"]}, 1, "cannot vary 'data'"),
        ({"magic": [1]}, 1, "cannot vary 'magic'"),
        (
            {"sigreg_weight": []},
            1,
            "needs a setting and its values, such as sigreg_weight=0,0.6",
        ),
        ({"sigreg_weight": [0.0]}, 0, "`seeds` is 0; it must be at least 1, at most 1000"),
        pytest.param({"width": [8]}, 10**400, "is 10{24} … 0{12}; it must be", id="endless"),
    ],
)
def test_what_cannot_be_swept_is_refused_before_anything_is_written(
    tiny, tmp_path, written, settings, seeds, message
):
    with pytest.raises(ValueError, match=message):
        sweep(tiny, settings, seeds, tmp_path / "sweep", progress=False)
    assert written.calls == []
    assert not (tmp_path / "sweep").exists()


def test_a_diverged_run_is_named_and_the_others_finish(tiny, tmp_path, written):
    written.diverges = "sigreg_weight=0.9/seed42"
    arguments = (tiny, {"sigreg_weight": [0.9, 0.1]}, 2, tmp_path / "sweep")
    named = (
        r"1 of 4 runs diverged: sigreg_weight=0\.9/seed42. The others are "
        r"finished, see .*table\.md"
    )
    with pytest.raises(FloatingPointError, match=named):
        sweep(*arguments, progress=False)
    rows = table(tmp_path / "sweep")
    assert [row["state"] for row in rows] == ["failed", "finished", "finished", "finished"]
    assert (rows[0]["failure"], rows[0]["total_last"]) == (
        "The loss is no longer finite at step 3.",
        "",
    )
    text = (tmp_path / "sweep" / "table.md").read_text()
    assert cells(text.splitlines()[2])[:3] == ["0.9", "9", "1 of 2"]
    assert "Failed: sigreg_weight=0.9, seed 42. The loss is no longer finite at step 3." in text
    written.calls.clear()
    with pytest.raises(FloatingPointError, match=named):
        sweep(*arguments, progress=False)
    assert written.calls == []

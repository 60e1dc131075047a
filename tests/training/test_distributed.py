"""Two real processes over gloo against one process on the joined batch, and the mistakes of
others, which must be found.
"""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from astrojepa import distributed
from astrojepa.checkpoints.weights import read_pickled
from astrojepa.runs import read_metrics
from astrojepa.training.trainer import train
from tests.tiny_run import flags_on
from tests.training.tiny_step import RECIPES, TOLERANCE, one_step, tiny_config

ROOT = Path(__file__).parents[2]
WORKER = Path(__file__).with_name("distributed_worker.py")
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]


STEPS: list[tuple[str, int, dict]] = [
    *((recipe, 0, {}) for recipe in RECIPES),
    ("hybrid", 0, {"batch_size": 15}),  # shared as 7 and 8
    # the last step of an epoch, of the 5 images that are left
    ("lejepa", 3, {"keep_last": True, "batch_size": 15}),
    ("hybrid", 0, {"batch_size": 15, "accumulate": 2}),
    ("sigreg alone", 0, {"batch_size": 15, "sigreg_statistic": "cramer-von-mises"}),
    ("sigreg alone", 0, {"batch_size": 15, "sigreg_statistic": "wasserstein"}),
]
CASES = [
    (recipe, step, changes | {"precision": precision}, "none")
    for precision in TOLERANCE
    for recipe, step, changes in STEPS
]
BUGS = ["sums thrown away", "world size read too early", "no gradient through the sum"]


@dataclass(frozen=True)
class Together:
    """What two real processes did: one step of every case, a training and a sweep."""

    cases: list[list[dict]]  # [process][case]; the cases with a mistake come last
    run: Path
    sweep: Path
    said: str


@pytest.fixture(scope="module")
def together(tmp_path_factory, drawn_galaxies) -> Together:
    folder = tmp_path_factory.mktemp("two")
    run, sweep = folder / "run", folder / "sweep"
    cases = [*CASES, *(("sigreg alone", 0, {"precision": "float32"}, bug) for bug in BUGS)]
    flags = [*flags_on(drawn_galaxies), "--device", "cpu"]
    commands = [
        [*flags, "--out", str(run)],
        [*flags, "--epochs", "1", "--sweep", "lambda=0,0.6", "--out", str(sweep)],
    ]
    done = subprocess.run(
        [*TORCHRUN, str(WORKER), str(folder), json.dumps(cases), json.dumps(commands)],
        env=os.environ | {"ASTROJEPA_CACHE": str(folder / "cache")},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(2)]
    return Together(found, run, sweep, done.stdout)


@pytest.fixture
def two_processes(together) -> list[list[dict]]:
    return together.cases


def gap(found: torch.Tensor, expected: torch.Tensor) -> float:
    return ((found - expected).norm() / expected.norm()).item()


@pytest.mark.slow
@pytest.mark.once
@pytest.mark.parametrize(
    "index", range(len(CASES)), ids=lambda index: f"{CASES[index][0]} {CASES[index][2]}"
)
def test_two_processes_have_the_loss_and_gradient_of_one_on_the_joined_batch(two_processes, index):
    recipe, step, changes, _ = CASES[index]
    tolerance = TOLERANCE[changes["precision"]]
    expected, gradient = one_step(tiny_config(recipe, **changes), step)
    for process in two_processes:
        for name in ("total", "prediction", "invariance", "sigreg", "gradient_norm"):
            assert process[index]["terms"][name] == pytest.approx(
                expected[name], rel=tolerance, abs=tolerance / 100
            ), name
        assert gap(process[index]["gradient"], gradient) < tolerance


@pytest.mark.slow
@pytest.mark.once
def test_every_process_has_the_same_value_and_directions(two_processes):
    for first, second in zip(*(process[: len(CASES)] for process in two_processes), strict=True):
        assert first["sigreg"] == second["sigreg"]
        assert first["terms"] == second["terms"]


@pytest.mark.slow
@pytest.mark.once
@pytest.mark.parametrize("bug", BUGS[:2])
def test_a_sum_that_is_not_used_would_be_found(two_processes, bug):
    expected, gradient = one_step(tiny_config("sigreg alone", precision="float32"))
    first, second = (process[len(CASES) + BUGS.index(bug)] for process in two_processes)
    assert first["sigreg"] != second["sigreg"], "the processes disagree"
    assert first["terms"]["sigreg"] != pytest.approx(expected["sigreg"], rel=1e-3)
    assert gap(first["gradient"], gradient) > 100 * TOLERANCE["float32"]


@pytest.mark.slow
@pytest.mark.once
def test_a_sum_without_gradient_would_be_found_as_a_gradient_of_one_half(two_processes):
    expected, gradient = one_step(tiny_config("sigreg alone", precision="float32"))
    first = two_processes[0][-1]
    assert first["terms"]["sigreg"] == pytest.approx(expected["sigreg"], rel=1e-5), (
        "the value gives nothing away"
    )
    assert gap(first["gradient"], gradient / 2) < 1e-4


def test_shares_are_contiguous_and_differ_by_at_most_one(monkeypatch):
    monkeypatch.setattr(distributed, "world_size", lambda: 4)
    parts = []
    for rank in range(4):
        monkeypatch.setattr(distributed, "rank", lambda rank=rank: rank)
        parts.append(range(10)[distributed.share(10)])
    assert [index for part in parts for index in part] == list(range(10))
    assert {len(part) for part in parts} == {2, 3}


def test_alone_nothing_is_communicated():
    assert (distributed.world_size(), distributed.rank()) == (1, 0)
    tensor = torch.ones(3)
    assert distributed.all_sum(tensor) is tensor
    assert distributed.from_first(lambda: "here") == "here"
    distributed.wait()


def launch(*flags: str, out: Path | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*TORCHRUN, str(ROOT / "train.py"), *flags],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=out,
    )


@pytest.mark.slow(20)
@pytest.mark.once
def test_a_run_on_two_processes_equals_the_run_on_one(together, tiny, tmp_path):
    """Sums are ordered differently, so weights agree to rounding, not to the bit."""
    one = read_metrics(train(tiny, out=tmp_path / "one", progress=False))
    two = read_metrics(together.run)
    assert [row["step"] for row in two] == [row["step"] for row in one] == [6, 12, 18]
    for first, second in zip(one, two, strict=True):
        assert second["total"] == pytest.approx(first["total"], rel=1e-3)


@pytest.mark.slow
@pytest.mark.once
def test_two_processes_sweep_together_and_one_of_them_writes_and_speaks(together):
    assert together.said.count("Sweep     run") == 2
    assert together.said.count(f"Done: {together.sweep}") == 1
    rows = csv.DictReader((together.sweep / "table.csv").read_text().splitlines())
    assert [row["state"] for row in rows] == ["finished", "finished"]


@pytest.mark.slow(20)
@pytest.mark.once
def test_a_process_that_dies_ends_the_run_with_a_sentence_and_the_run_can_go_on(
    tmp_path, tiny_flags
):
    run = tmp_path / "run"
    launched = launch(*tiny_flags, "--epochs", "4000", "--out", str(run))
    deadline = time.monotonic() + 120
    while not (run / "last.pt").exists() and time.monotonic() < deadline:
        time.sleep(0.2)
    victims = subprocess.run(
        ["pgrep", "-P", str(launched.pid)], capture_output=True, text=True, check=True
    ).stdout.split()
    ranks = {
        Path(f"/proc/{pid}/environ").read_bytes().split(b"\0RANK=")[1][:1]: int(pid)
        for pid in victims
        if _is_worker(pid)
    }
    os.kill(ranks[b"1"], signal.SIGKILL)
    _, errors = launched.communicate(timeout=120)
    assert launched.returncode != 0
    assert "[process 0] error: Process 0 of 2 lost contact with another one" in errors
    assert "start again (resume a training)" in errors
    step = read_pickled(run / "last.pt")["step"]
    config = (
        (run / "config.json").read_text().replace('"epochs": 4000', f'"epochs": {step // 6 + 2}')
    )
    (run / "config.json").write_text(config)
    resumed = launch("--resume", str(run))
    _, errors = resumed.communicate(timeout=120)
    assert resumed.returncode == 0, errors[-3000:]
    assert read_pickled(run / "last.pt")["step"] == (step // 6 + 2) * 6


def _is_worker(pid: str) -> bool:
    return b"\0RANK=" in Path(f"/proc/{pid}/environ").read_bytes()

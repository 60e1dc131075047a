"""The script for a short time on a GPU is rehearsed on the CPU, as a bare machine would run it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from astrojepa.checkpoints.model import load_model
from benchmarks.gpu.recipes import RECIPES, config_of
from benchmarks.measure import machine

ROOT = Path(__file__).parents[1]
ABSENT = ("streamlit", "umap", "openTSNE", "astropy", "plotly")  # there


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_one_that_can_be_trained(name: str) -> None:
    config = config_of(name)
    assert config.optim.epochs == RECIPES[name].epochs
    small = config_of(name, tiny=True)
    assert small.model.readout == config.model.readout
    assert small.objective.sigreg_weight == config.objective.sigreg_weight


def test_twins_differ_in_sigreg_alone() -> None:
    for size in ("vit5m", "vit25m"):
        one, other = (config_of(f"{size}.{recipe}").to_dict() for recipe in ("sigreg06", "ijepa"))
        assert one["objective"].pop("sigreg_weight") == 0.6
        assert other["objective"].pop("sigreg_weight") == 0
        one.pop("preset"), other.pop("preset")
        assert one == other


@pytest.mark.slow(30)
def test_the_script_is_rehearsed_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    for name in ABSENT:
        (tmp_path / "bare" / name).mkdir(parents=True)
        (tmp_path / "bare" / name / "__init__.py").write_text(f"raise ImportError({name!r})")
    command = [sys.executable, "-m", "benchmarks.gpu", "--device", "cpu", "--tiny"]
    command += ["--data", "simulated:96", "--recipes", "vit5m.sigreg06"]
    command += ["--out", str(tmp_path / "out"), "--work", str(tmp_path / "work")]

    def run(seconds: float) -> tuple[int, dict[str, list[str]]]:
        done = subprocess.run(
            [*command, "--seconds", str(seconds)],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(tmp_path / "bare"), "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stderr == ""
        log = tmp_path / "work" / "log.txt"
        assert done.returncode in (0, 1), log.read_text()[-3000:]
        return done.returncode, json.loads(done.stdout.splitlines()[-1])

    # no time for anything: nothing is done, nothing fails
    code, said = run(20)
    assert (code, said["done"]) == (1, [])
    code, said = run(3000)
    assert code == 0, (tmp_path / "work" / "log.txt").read_text()[-3000:]
    assert said["missing"] == []
    log = (tmp_path / "work" / "log.txt").read_text()
    code, _ = run(3000)
    assert code == 0
    assert (tmp_path / "work" / "log.txt").read_text() == log, "what is done is not done again"

    whole = tmp_path / "results.tar"
    pieces = sorted((tmp_path / "out").iterdir())
    assert len(pieces) <= 8
    assert all(path.stat().st_size <= 16 * 2**20 for path in pieces)
    whole.write_bytes(b"".join(path.read_bytes() for path in pieces))
    with tarfile.open(whole) as archive:
        archive.extractall(tmp_path / "results", filter="data")
    results = tmp_path / "results"
    speed = json.loads((results / "speed.json").read_text())
    assert speed["machine"] == machine()
    assert not [row for row in speed["rows"].values() if "failed" in row]
    assert all(row["images_per_second"] > 0 for row in speed["rows"].values())
    assert speed["official"]["vit5m.ijepa"]["images_per_second"] > 0
    assert "aten::" in (results / "profile.txt").read_text()
    assert load_model(results / "vit5m.sigreg06.safetensors").has_predictor

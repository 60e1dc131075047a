"""Two processes that write at once: trainings into one run folder, programs into one cache."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from astrojepa import files
from astrojepa.cache import load_arrays
from astrojepa.cli.train import train_main
from astrojepa.config import TrainConfig, replace
from astrojepa.files import UNFINISHED, atomic_write, remove_leftovers, temporary_folder
from astrojepa.presets import preset
from astrojepa.runs import create_run, only_training, read_config, read_metrics
from astrojepa.training import trainer as module
from astrojepa.training.sweep.sweep import sweep
from astrojepa.training.trainer import train

ROOT = Path(__file__).parents[2]
HOLD = "import sys, time; from pathlib import Path; from astrojepa.runs import only_training\n"
HOLD += "with only_training(Path(sys.argv[1])):\n    print('held', flush=True)\n    time.sleep(600)"
WRITE = (
    "import sys; from pathlib import Path; import numpy as np; from astrojepa.cache import "
    "save_arrays\n"
)
WRITE += (
    "for version in range(150):\n    save_arrays(Path(sys.argv[1]), x=np.full(50_000, "
    "int(sys.argv[2]) + 2 * version))"
)


def python(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )


def test_a_second_training_into_a_run_folder_is_refused_and_changes_nothing(
    tiny: TrainConfig, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = train(replace(tiny, epochs=1), out=tmp_path / "run", progress=False)
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    with only_training(run):
        assert train_main(["--resume", str(run)]) == 2
        with pytest.raises(
            OSError,
            match=f"Another training, process {os.getpid()} on .*, writes into .*run; let it "
            f"finish",
        ):
            train(replace(tiny, epochs=2), out=run, progress=False)
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert f"Another training, process {os.getpid()} on " in line
    assert line.endswith(f"writes into {run}; let it finish or stop it, or choose another --out.")
    assert {
        path.name: path.read_bytes() for path in run.iterdir() if path.name != "training.lock"
    } == {name: content for name, content in before.items() if name != "training.lock"}


def test_a_run_folder_is_held_while_it_is_trained_and_free_afterwards(
    tiny: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused, step = [], module.Trainer.step

    def step_and_ask(trainer: Any) -> None:
        with pytest.raises(OSError, match="Another training"), only_training(trainer.folder):
            pass
        refused.append(trainer.state.step)
        step(trainer)

    monkeypatch.setattr(module.Trainer, "step", step_and_ask)
    run = train(replace(tiny, epochs=1), out=tmp_path / "run", progress=False)
    assert refused == list(range(6))
    with only_training(run):
        pass


@pytest.mark.slow
def test_the_lock_of_a_killed_training_does_not_stop_the_next(
    tiny: TrainConfig, tmp_path: Path
) -> None:
    run = train(replace(tiny, epochs=1), out=tmp_path / "run", progress=False)
    with python(HOLD, str(run)) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(OSError, match=f"Another training, process {holder.pid} on"):
            train(tiny, resume=run, progress=False)
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    (run / "config.json").write_text(
        (run / "config.json").read_text().replace('"epochs": 1', '"epochs": 2')
    )
    train(tiny, resume=run, progress=False)
    assert [row["step"] for row in read_metrics(run)] == [6, 12]


def test_a_second_sweep_in_a_folder_is_refused(tiny: TrainConfig, tmp_path: Path) -> None:
    run = tmp_path / "sweep" / "sigreg_weight=0.6" / "seed42"
    create_run(tiny, run)  # the first sweep's, before it has saved anything
    with (
        only_training(tmp_path / "sweep"),
        pytest.raises(OSError, match=r"Another training, .* writes into .*sweep; let it"),
    ):
        sweep(tiny, {"sigreg_weight": [0.6]}, 1, tmp_path / "sweep", progress=False)
    assert read_config(run) == tiny


def test_runs_that_begin_together_get_folders_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config = preset("small.sigreg06")
    # as the second sees it when both look before either has made one
    monkeypatch.setattr(Path, "exists", lambda path: False)
    folders = [create_run(config) for _ in range(3)]
    assert len(set(folders)) == 3


@pytest.mark.once
@pytest.mark.slow
def test_two_processes_may_write_one_key_of_the_cache_while_a_third_reads(tmp_path: Path) -> None:
    path = tmp_path / "embeddings-key.npz"
    seen, torn = set(), 0
    with python(WRITE, str(path), "0") as first, python(WRITE, str(path), "1") as second:
        while first.poll() is None or second.poll() is None:
            if path.exists():
                arrays = load_arrays(path)
                torn += arrays is None or len(np.unique(arrays["x"])) != 1
                seen |= set() if arrays is None else {int(arrays["x"][0])}
    assert (first.returncode, second.returncode, torn) == (0, 0, 0)
    assert {version % 2 for version in seen} == {0, 1}, "both were read"
    assert [entry.name for entry in tmp_path.iterdir() if UNFINISHED in entry.name] == []


def test_what_a_living_process_writes_is_not_taken_for_a_leftover(tmp_path: Path) -> None:
    (tmp_path / f".old.npz.abc{UNFINISHED}").write_bytes(b"half")
    (tmp_path / f".old.def{UNFINISHED}").mkdir()
    (tmp_path / f".old.def{UNFINISHED}" / "picture.jpg").write_bytes(b"half")
    (tmp_path / ".hidden").write_text("somebody's")
    with atomic_write(tmp_path / "new.npz") as stream, temporary_folder(tmp_path, "pack") as folder:
        assert len(list(tmp_path.glob(f".*{UNFINISHED}"))) == 2, "the leftovers are gone"
        remove_leftovers(tmp_path)
        assert folder.is_dir()
        stream.write(b"whole")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        "new.npz": b"whole",
        ".hidden": b"somebody's",
    }


def test_a_temporary_file_removed_before_it_was_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, removed = files.lock_descriptor, []

    def lock_too_late(handle: int, blocking: bool = True) -> bool:
        if not removed and blocking:
            (left,) = tmp_path.glob(f".*{UNFINISHED}")
            left.unlink()
            removed.append(left)
        return lock(handle, blocking=blocking)

    monkeypatch.setattr(files, "lock_descriptor", lock_too_late)
    with atomic_write(tmp_path / "a.json") as stream:
        stream.write(b"{}")
    assert removed
    assert (tmp_path / "a.json").read_bytes() == b"{}"


@pytest.mark.slow
@pytest.mark.once
def test_two_explorers_may_open_the_same_galaxies_on_one_cold_cache(
    tmp_path: Path, own_cache: Path
) -> None:
    code = (
        "import astrojepa as aj; data = aj.open_dataset('simulated:60'); found = "
        "aj.pixel_pca(data, data)[1].vectors; "
    )
    code += "import hashlib; print(hashlib.sha256(found.round(3).tobytes()).hexdigest())"
    with python(code) as first, python(code) as second:
        answers = [process.communicate(timeout=120)[0] for process in (first, second)]
    assert answers[0] == answers[1] != ""
    kinds = sorted(path.name.split("-")[0] + path.suffix for path in own_cache.iterdir())
    assert kinds == ["baseline.npz", "frames.npy", "simulated.npy", "simulated.npz"]

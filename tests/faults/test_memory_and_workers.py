"""A GPU without memory left, and helper processes that die: one sentence, no hang, and what was
saved stays.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from astrojepa.checkpoints.weights import read_pickled
from astrojepa.cli.train import guarded, train_main
from astrojepa.data.simulate import workers as simulate_workers
from astrojepa.data.simulate.simulator import simulate
from astrojepa.models.jepa import JEPA
from astrojepa.training.trainer import train
from tests.faults.places import with_mount

ROOT = Path(__file__).parents[2]
FULL = "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 15.77 GiB"


def error_of(capsys: pytest.CaptureFixture[str]) -> str:
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    return line


@pytest.mark.slow
@pytest.mark.parametrize("full_from", [1, 9], ids=["first step", "second epoch"])
def test_a_full_gpu_says_what_to_lower_and_leaves_the_run(
    tiny_flags: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    full_from: int,
) -> None:
    run, forward, calls = tmp_path / "run", JEPA.forward, []

    def forward_or_full(network: JEPA, *batch: Any, **how: Any) -> Any:
        calls.append(batch)
        if len(calls) >= full_from:
            raise torch.OutOfMemoryError(FULL)
        return forward(network, *batch, **how)

    with monkeypatch.context() as patch:
        patch.setattr(JEPA, "forward", forward_or_full)
        assert train_main([*tiny_flags, "--accumulate", "1", "--out", str(run)]) == 2
    sentence = error_of(capsys)
    assert (
        "The GPU has too little memory for this training (CUDA out of memory. Tried to allocate "
        "2.00 GiB" in sentence
    )
    for remedy in ("--accumulate 2 (now 1)", "--batch-size (now 16)", "--image-size (now 32)"):
        assert remedy in sentence
    if full_from == 9:
        assert read_pickled(run / "last.pt")["step"] == 6
    assert train_main(["--resume", str(run)]) == 0
    assert read_pickled(run / "last.pt")["step"] == 18


def test_a_full_gpu_in_any_other_command_is_a_sentence_too(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def full() -> int:
        raise torch.OutOfMemoryError(FULL)

    assert guarded(full) == 2
    assert (
        error_of(capsys)
        == "error: The GPU is out of memory; stop other programs on it, or give --device cpu."
    )


def test_too_little_memory_of_the_machine_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    def full() -> int:
        return len(np.empty((2**46,), dtype=np.uint8))

    assert guarded(full) == 2
    assert "Unable to allocate 64.0 TiB for an array" in error_of(capsys)


def test_other_errors_of_torch_are_not_taken_for_a_full_gpu() -> None:
    def wrong() -> int:
        raise RuntimeError("shapes do not fit")

    with pytest.raises(RuntimeError, match="shapes do not fit"):
        guarded(wrong)


@pytest.mark.once
@pytest.mark.slow
def test_a_helper_of_the_simulator_killed_at_work_is_one_sentence_and_no_hang(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[str]] = []
    start = simulate_workers._start_helper

    def start_and_remember(*arguments: Any) -> subprocess.Popen[str]:
        started.append(start(*arguments))
        return started[-1]

    def kill_one(done: int, total: int, text: str) -> None:
        if done and len(killed) == 0:
            killed.append(started[0].pid)
            os.kill(started[0].pid, signal.SIGKILL)

    killed: list[int] = []
    monkeypatch.setattr(simulate_workers, "_start_helper", start_and_remember)
    monkeypatch.setattr("astrojepa.data.simulate.simulator.suitable_processes", lambda count: 2)
    began, threads = time.monotonic(), threading.active_count()
    with pytest.raises(
        OSError,
        match=r"Expected galaxies \d+ to \d+ from a helper process .* stopped \(exit status -9;",
    ):
        simulate(400, size=32, progress=kill_one)
    assert killed
    assert time.monotonic() - began < 120
    assert all(helper.poll() is not None for helper in started), "no helper is left behind"
    assert threading.active_count() == threads
    assert [path.name for path in own_cache.iterdir()] == []


@pytest.mark.slow
@pytest.mark.once
def test_helpers_end_with_the_program_that_started_them(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from astrojepa.data.simulate.workers import "
        "draw_stamps; "
    )
    code += (
        "f = Path(sys.argv[1]); draw_stamps(f / 'p.npy', f / 't.npy', 9000, 0, 32, 2, lambda "
        "done: print(done, flush=True))"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, text=True) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == "25\n"
        helpers = [
            int(pid)
            for pid in Path(f"/proc/{program.pid}/task/{program.pid}/children").read_text().split()
        ]
        program.kill()
    assert len(helpers) == 2
    deadline = time.monotonic() + 60
    while any(Path(f"/proc/{pid}").exists() for pid in helpers) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [pid for pid in helpers if Path(f"/proc/{pid}").exists()]


@pytest.mark.slow
@pytest.mark.once
@pytest.mark.parametrize("processes", [1, 2])
def test_a_disk_that_is_too_small_for_the_stamps_is_a_sentence_and_not_the_end_of_the_process(
    tmp_path: Path, processes: int
) -> None:
    code = "from pathlib import Path\nfrom astrojepa.data.simulate.workers import draw_stamps\n"
    code += f"folder = Path({str(tmp_path / 'disk')!r})\ntry:\n"
    code += (
        f"    draw_stamps(folder / 'p.npy', folder / 't.npy', 200, 0, 64, {processes}, lambda "
        f"done: None)\n"
    )
    code += "except OSError as error:\n    print(error)"
    done = with_mount(tmp_path / "disk", "size=1m", code)
    assert done.returncode == 0, f"killed by signal {-done.returncode}: {done.stderr[-500:]}"
    assert (
        done.stdout.strip()
        == f"[Errno 28] No space left on device: '{tmp_path / 'disk' / 'p.npy'}'"
    )


def test_a_picture_that_cannot_be_read_ahead_ends_the_training_with_its_name(
    tiny: Any, galaxy_folder: Path, tmp_path: Path
) -> None:
    (galaxy_folder / "images" / "17.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"17\.png"):
        train(tiny, out=tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()

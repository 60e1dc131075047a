"""A sweep: one recipe over combinations of settings and seeds."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import torch

from astrojepa import distributed
from astrojepa.config import TrainConfig, replace
from astrojepa.files import write_json
from astrojepa.precision import decided
from astrojepa.runs import only_training
from astrojepa.training.sweep.plan import FAILURE, RECORD, Sweep, SweepRun, read_sweep
from astrojepa.training.sweep.table import write_tables
from astrojepa.training.trainer import train


class SweepInterrupted(KeyboardInterrupt):
    """The sweep was stopped by the user; the same call goes on with `.folder`."""

    def __init__(self, folder: Path, over: int, total: int) -> None:
        super().__init__(
            f"Stopped after {over} of {total} runs in {folder}; run the same command to continue."
        )
        self.folder = folder


def sweep(
    config: TrainConfig,
    settings: dict[str, list[Any]],
    seeds: int,
    out: str | Path,
    *,
    device: str | None = None,
    progress: bool = True,
    compile: str = "auto",
    tensorboard: bool = False,
    judge_every: int = 1,
) -> Path:
    """Train every combination of `settings` with `seeds` seeds; returns the folder.

    It holds sweep.json, the run folders <setting>=<value>[,...]/seed<k>, table.csv (a row per run)
    and table.md (a row per setting), the tables written anew after every run. The same call
    continues a sweep: finished runs are left alone, begun ones resumed; other values or more seeds
    extend it. A run whose loss stops being finite is noted, the others go on, and
    FloatingPointError names such runs at the end. Raises ValueError before anything is written for
    values out of range or a folder that holds something else, and SweepInterrupted on Ctrl-C.
    """
    folder = Path(out)
    if (folder / "config.json").exists():
        raise ValueError(f"{folder} holds a run, not a sweep; choose another `out`.")
    target = distributed.start(
        torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    )
    earlier = read_sweep(folder) if (folder / RECORD).exists() else None
    if earlier and config.precision == "auto":
        config = replace(config, precision=earlier.config.precision)
    plan = Sweep(decided(config, target)[0], settings, seeds)
    if earlier:
        plan = plan.joined(earlier, folder)
    runs = plan.runs(folder)
    states = {run.name: run.state() for run in runs}
    distributed.wait()  # every process has seen the same states before any changes them
    with contextlib.ExitStack() as held:
        if distributed.rank() == 0:
            folder.mkdir(parents=True, exist_ok=True)
            held.enter_context(only_training(folder))
            write_json(folder / RECORD, plan.to_dict())
        try:
            _train_all(
                folder,
                runs,
                states,
                device=device,
                progress=progress,
                compile=compile,
                tensorboard=tensorboard,
                judge_every=judge_every,
            )
        except KeyboardInterrupt as error:
            over = sum(state in ("finished", "failed") for state in states.values())
            raise SweepInterrupted(folder, over, len(runs)) from error
    if failed := [name for name, state in states.items() if state == "failed"]:
        raise FloatingPointError(
            f"{len(failed)} of {len(runs)} runs diverged: {', '.join(failed)}. The others are "
            f"finished, see {folder / 'table.md'}."
        )
    return folder


def _train_all(
    folder: Path, runs: list[SweepRun], states: dict[str, str], progress: bool, **options: Any
) -> None:
    """Bring every run to its end, and write the tables after each; `states` is kept up to date."""
    first = distributed.rank() == 0
    for number, run in enumerate(runs, 1):
        if progress and first:
            print(
                f"Sweep     run {number} of {len(runs)}: {run.name}, {states[run.name]}", flush=True
            )
        if states[run.name] in ("waiting", "begun"):
            states[run.name] = _train(run, states[run.name], progress=progress, **options)
        if first:
            write_tables(folder, runs, states)


def _train(run: SweepRun, state: str, **options: Any) -> str:
    """Train or resume a run; returns its new state."""
    first = distributed.rank() == 0
    try:
        if state == "begun":
            train(run.config, resume=run.folder, **options)
        else:
            if first:  # what was stopped before it saved anything starts anew
                (run.folder / "config.json").unlink(missing_ok=True)
                (run.folder / "metrics.jsonl").unlink(missing_ok=True)
            train(run.config, out=run.folder, **options)
    except FloatingPointError as error:
        if first:
            write_json(run.folder / FAILURE, {"sentence": str(error)})
        return "failed"
    return "finished"

"""A sweep: one recipe over every combination of some settings and over seeds, as ordinary runs beside one table."""

from __future__ import annotations

import contextlib
import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from astrojepa import distributed
from astrojepa.checkpoints.weights import read_pickled
from astrojepa.config import TrainConfig, flags, replace
from astrojepa.places import TRAIN
from astrojepa.runs import only_training, read_json, read_metrics, write_json
from astrojepa.training.sweep.table import FAILURE, value_text, write_tables
from astrojepa.training.trainer import train

RECORD = "sweep.json"


class SweepInterrupted(KeyboardInterrupt):
    """The sweep was stopped by the user; the same call goes on with `.folder`."""

    def __init__(self, folder: Path, over: int, total: int) -> None:
        super().__init__(f"Stopped with {over} of {total} runs of {folder} over; give the same command again to go on.")
        self.folder = folder


@dataclass(frozen=True)
class SweepRun:
    """One run of a sweep: the values that make it different, and where it stands."""

    values: dict[str, Any]
    config: TrainConfig
    folder: Path

    @property
    def name(self) -> str:
        """The folder inside the sweep's, <setting>=<value>[,...]/seed<k>."""
        return f"{self.folder.parent.name}/{self.folder.name}"

    def state(self) -> str:
        """Return finished, failed (its loss stopped being finite), begun or waiting; "begun" is what train() can resume."""
        if (self.folder / FAILURE).is_file():
            return "failed"
        saved = self.folder / "last.pt"
        if not saved.is_file():
            return "waiting"
        rows = read_metrics(self.folder)
        logged_to_the_end = bool(rows) and rows[-1]["epoch"] >= self.config.optim.epochs
        return "finished" if logged_to_the_end and read_pickled(saved)["step"] >= rows[-1]["step"] else "begun"


@dataclass(frozen=True)
class Sweep:
    """What is varied, and around what."""

    config: TrainConfig
    settings: dict[str, list[Any]]
    seeds: int

    def __post_init__(self) -> None:
        varied = {item.name for _, group, item, _ in flags() if group != "data"} - {"seed"}
        if unknown := [name for name in self.settings if name not in varied]:
            raise ValueError(
                f"A sweep cannot vary {unknown[0]!r}; it varies settings of the recipe, such as sigreg_weight or width ({TRAIN} "
                "--help lists them), and --seeds the seed."
            )
        if not self.settings or not all(self.settings.values()):
            raise ValueError("A sweep needs a setting and its values, such as --sweep sigreg_weight=0,0.6.")
        if self.seeds < 1:
            raise ValueError(f"--seeds is {self.seeds}; it must be at least 1.")

    def runs(self, folder: Path) -> list[SweepRun]:
        """List the runs, seeds innermost; ValueError for a value out of range."""
        made = []
        for values in itertools.product(*(dict.fromkeys(values) for values in self.settings.values())):
            chosen = dict(zip(self.settings, values, strict=True))
            label = ",".join(f"{name}={value_text(value)}" for name, value in chosen.items())
            for seed in range(self.config.seed, self.config.seed + self.seeds):
                made.append(SweepRun(chosen, replace(self.config, **chosen, seed=seed), folder / label / f"seed{seed}"))
        return made

    def joined(self, earlier: Sweep, folder: Path) -> Sweep:
        """Return this sweep with the values and seeds of an earlier one; ValueError if they do not belong together."""
        if self.settings.keys() != earlier.settings.keys():
            known, new = ", ".join(earlier.settings), ", ".join(self.settings)
            raise ValueError(f"{folder} is a sweep of {known}, not of {new}; choose another --out for this one.")
        before, now = _by_name(earlier.config), _by_name(self.config)
        if differing := [f"{name} {before[name]!r}, now {now[name]!r}" for name in now if now[name] != before[name]]:
            raise ValueError(
                f"{folder} is a sweep around other settings ({'; '.join(differing)}); give those of before, or choose another --out."
            )
        settings = {name: list(dict.fromkeys([*values, *self.settings[name]])) for name, values in earlier.settings.items()}
        return Sweep(self.config, settings, max(self.seeds, earlier.seeds))

    def to_dict(self) -> dict[str, Any]:
        """Return what sweep.json holds."""
        return {"config": self.config.to_dict(), "settings": self.settings, "seeds": self.seeds}


def read_sweep(folder: Path) -> Sweep:
    """Read what a folder sweeps; ValueError if its sweep.json is none."""
    record = read_json(folder / RECORD)
    settings, seeds = record.get("settings"), record.get("seeds")
    if (
        not isinstance(settings, dict)
        or not all(isinstance(values, list) for values in settings.values())
        or type(seeds) is not int
    ):
        raise ValueError(
            f"{folder / RECORD} does not say what is swept: it needs config, settings and seeds; choose another --out."
        )
    pairs_again = {
        name: [tuple(value) if isinstance(value, list) else value for value in values] for name, values in settings.items()
    }
    return Sweep(TrainConfig.from_dict(record.get("config", {})), pairs_again, seeds)


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
) -> Path:
    """Train every combination of `settings`, each with `seeds` seeds from config.seed on; returns the folder.

    It holds sweep.json, the run folders <setting>=<value>[,...]/seed<k>, table.csv (a row per run) and table.md (a row per setting),
    the tables written anew after every run. The same call continues a sweep: finished runs are left alone, begun ones resumed; other
    values or more seeds extend it. A run whose loss stops being finite is noted, the others go on, and FloatingPointError names such
    runs at the end. Raises ValueError before anything is written for values out of range or a folder that holds something else, and
    SweepInterrupted on Ctrl-C.
    """
    folder = Path(out)
    if (folder / "config.json").exists():
        raise ValueError(f"{folder} holds a run, not a sweep; choose another --out.")
    plan = Sweep(config, settings, seeds)
    if (folder / RECORD).exists():
        plan = plan.joined(read_sweep(folder), folder)
    runs = plan.runs(folder)
    states = {run.name: run.state() for run in runs}
    distributed.start(torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu")))
    distributed.wait()  # every process has seen the same states before any changes them
    with contextlib.ExitStack() as held:
        if distributed.rank() == 0:
            folder.mkdir(parents=True, exist_ok=True)
            held.enter_context(only_training(folder))
            write_json(folder / RECORD, plan.to_dict())
        try:
            _train_all(folder, runs, states, device=device, progress=progress, compile=compile, tensorboard=tensorboard)
        except KeyboardInterrupt as error:
            over = sum(state in ("finished", "failed") for state in states.values())
            raise SweepInterrupted(folder, over, len(runs)) from error
    if failed := [name for name, state in states.items() if state == "failed"]:
        raise FloatingPointError(
            f"{len(failed)} of {len(runs)} runs stopped being finite: {', '.join(failed)}; the others are finished, see "
            f"{folder / 'table.md'}."
        )
    return folder


def _train_all(folder: Path, runs: list[SweepRun], states: dict[str, str], progress: bool, **options: Any) -> None:
    """Bring every run to its end, and write the tables after each; `states` is kept up to date."""
    first = distributed.rank() == 0
    for number, run in enumerate(runs, 1):
        if progress and first:
            print(f"Sweep     run {number} of {len(runs)}: {run.name}, {states[run.name]}", flush=True)
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


def _by_name(config: TrainConfig) -> dict[str, Any]:
    settings = {item.name: getattr(getattr(config, group) if group else config, item.name) for _, group, item, _ in flags()}
    return {"preset": config.preset, **settings}

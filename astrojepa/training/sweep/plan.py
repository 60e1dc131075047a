"""What a sweep varies, the runs that follow from it, and how far each of them is."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from astrojepa.checkpoints.weights import read_pickled
from astrojepa.config import TrainConfig, flags, replace
from astrojepa.files import read_json
from astrojepa.precision import kept
from astrojepa.runs import read_metrics
from astrojepa.wording import one_line

FAILURE = "failed.json"  # in the folder of a run whose loss stopped being finite
RECORD = "sweep.json"
MOST_SEEDS = 1000


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
        """finished, failed (diverged), begun (train() can resume it) or waiting."""
        if (self.folder / FAILURE).is_file():
            return "failed"
        saved = self.folder / "last.pt"
        if not saved.is_file():
            return "waiting"
        rows = read_metrics(self.folder)
        logged_to_the_end = bool(rows) and rows[-1]["epoch"] >= self.config.optim.epochs
        if logged_to_the_end and read_pickled(saved)["step"] >= rows[-1]["step"]:
            return "finished"
        return "begun"


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
                f"A sweep cannot vary {one_line(unknown[0], 80)!r}; it varies settings of the "
                f"recipe, such as sigreg_weight or width, and `seeds` the seed."
            )
        if not self.settings or not all(self.settings.values()):
            raise ValueError("A sweep needs a setting and its values, such as sigreg_weight=0,0.6.")
        if not 1 <= self.seeds <= MOST_SEEDS:
            raise ValueError(
                f"`seeds` is {one_line(self.seeds, 40)}; it must be at least 1, at most "
                f"{MOST_SEEDS}."
            )

    def runs(self, folder: Path) -> list[SweepRun]:
        """List the runs, seeds innermost; ValueError for a value out of range."""
        made = []
        for values in itertools.product(
            *(dict.fromkeys(values) for values in self.settings.values())
        ):
            chosen = dict(zip(self.settings, values, strict=True))
            label = ",".join(f"{name}={value_text(value)}" for name, value in chosen.items())
            for seed in range(self.config.seed, self.config.seed + self.seeds):
                config = replace(self.config, **chosen, seed=seed)
                made.append(SweepRun(chosen, config, folder / label / f"seed{seed}"))
        return made

    def joined(self, earlier: Sweep, folder: Path) -> Sweep:
        """Return the sweep with an earlier one's values and seeds; ValueError if different."""
        if self.settings.keys() != earlier.settings.keys():
            known, new = ", ".join(earlier.settings), ", ".join(self.settings)
            raise ValueError(
                f"{folder} is a sweep of {known}, not of {new}; choose another `out` for this one."
            )
        before, now = _by_name(earlier.config), _by_name(self.config)
        if differing := [
            f"{name} {before[name]!r}, now {now[name]!r}"
            for name in now
            if now[name] != before[name]
        ]:
            raise ValueError(
                f"{folder} is a sweep with other settings ({'; '.join(differing)}); use the same "
                "settings, or choose another `out`."
            )
        settings = {
            name: list(dict.fromkeys([*values, *self.settings[name]]))
            for name, values in earlier.settings.items()
        }
        return Sweep(self.config, settings, max(self.seeds, earlier.seeds))

    def to_dict(self) -> dict[str, Any]:
        """Return what sweep.json holds."""
        return {"config": self.config.to_dict(), "settings": self.settings, "seeds": self.seeds}


def read_sweep(folder: Path) -> Sweep:
    """Read a folder's sweep in its runs' precision; ValueError if sweep.json is invalid."""
    record = read_json(folder / RECORD)
    settings, seeds = record.get("settings"), record.get("seeds")
    if (
        not isinstance(settings, dict)
        or not all(isinstance(values, list) for values in settings.values())
        or type(seeds) is not int
    ):
        raise ValueError(
            f"{folder / RECORD} lacks config, settings or seeds; choose another `out`."
        )
    pairs_again = {
        name: [tuple(value) if isinstance(value, list) else value for value in values]
        for name, values in settings.items()
    }
    config, _ = kept(TrainConfig.from_dict(record.get("config", {})))
    return Sweep(config, pairs_again, seeds)


def value_text(value: Any) -> str:
    """Return a setting's value as it stands in folder names and tables: 0.1, true, 0.15:0.2."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ":".join(map(value_text, value))
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == value else repr(value)
    return str(value)


def _by_name(config: TrainConfig) -> dict[str, Any]:
    settings = {
        item.name: getattr(getattr(config, group) if group else config, item.name)
        for _, group, item, _ in flags()
    }
    return {"preset": config.preset, **settings}

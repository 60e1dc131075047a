"""The run folder: config.json, metrics.jsonl (append-only), last.pt and best.pt."""

from __future__ import annotations

import contextlib
import datetime
import json
from pathlib import Path
from typing import Any

from astrojepa.config import TrainConfig
from astrojepa.files import alone, atomic_write, naming, read_json, write_json

MAX_CONFIG_BYTES = 1_000_000
LOCK = "training.lock"


def create_run(config: TrainConfig, out: str | Path | None = None) -> Path:
    """Create runs/<date>-<preset> or `out` and write the config; never reuse a run."""
    folder = _new_folder(config.preset or "custom") if out is None else Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    with only_training(folder):
        if (folder / "config.json").exists():
            raise FileExistsError(
                f"{folder} already holds a run; continue it (`resume`), or choose another `out`."
            )
        write_json(folder / "config.json", config.to_dict())
    return folder


def _new_folder(preset: str) -> Path:
    """Make runs/<date>-<preset>, or the first with a number behind it that nobody has made."""
    name = f"{datetime.date.today():%Y%m%d}-{preset}"
    Path("runs").mkdir(exist_ok=True)
    for number in range(1, 10_000):
        folder = Path("runs") / (name if number == 1 else f"{name}-{number}")
        with contextlib.suppress(FileExistsError):
            folder.mkdir()
            return folder
    raise FileExistsError(f"runs/ has no name left for another {name}; choose one with `out`.")


def only_training(folder: Path) -> contextlib.AbstractContextManager[None]:
    """Lock a run folder; OSError if another process trains there."""
    return alone(
        folder / LOCK,
        lambda who: (
            f"Another training, {who}, writes into {folder}; let it finish or stop it, or choose "
            "another `out`."
        ),
    )


def read_config(folder: Path) -> TrainConfig:
    """Read a run's config; FileNotFoundError if this is no run folder."""
    path = folder / "config.json"
    if not path.is_file():
        raise FileNotFoundError(
            f"{folder} is not a run folder: it has no config.json. Give the folder that train.py "
            f"printed."
        )
    return TrainConfig.from_dict(read_json(path, MAX_CONFIG_BYTES))


def append_metrics(folder: Path, row: dict[str, Any]) -> None:
    """Add one line to metrics.jsonl."""
    path = folder / "metrics.jsonl"
    with naming(path), path.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(row, allow_nan=False) + "\n")


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """Read metrics.jsonl up to the first line that is no JSON object."""
    path = folder / "metrics.jsonl"
    if not path.is_file():
        return []
    rows = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            break
        if not isinstance(row, dict):
            break
        rows.append(row)
    return rows


def forget_metrics_after(folder: Path, step: int) -> None:
    """Drop lines beyond `step`, which a resumed run will write again."""
    kept = [row for row in read_metrics(folder) if row["step"] <= step]
    with atomic_write(folder / "metrics.jsonl") as stream:
        stream.write("".join(json.dumps(row) + "\n" for row in kept).encode())

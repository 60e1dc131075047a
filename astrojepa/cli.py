"""The command line: flags made from the config's fields, sub-commands around one function of the package each."""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from astrojepa.config import TrainConfig, flags, replace
from astrojepa.presets import ALIASES, PRESETS, default_preset, preset

EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130


def train_main(arguments: Sequence[str] | None = None) -> int:
    """Run `python train.py ...`; returns the exit code."""
    return guarded(lambda: _train(train_parser().parse_args(arguments)))


def guarded(command: Callable[[], int]) -> int:
    """Run a command and turn its complaints into one sentence on stderr and exit code 2; Ctrl-C gives 130."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: idle threads that spin slow a shared machine tenfold
    try:
        return command()
    except (ValueError, OSError, FloatingPointError) as error:
        print(f"error: {_sentence(error)}", file=sys.stderr)
        return EXIT_BAD_INPUT
    except KeyboardInterrupt as error:
        print(str(error) or "Interrupted.", file=sys.stderr)
        return EXIT_INTERRUPTED


def train_parser() -> argparse.ArgumentParser:
    """Make the parser of train.py: every setting of the config is a flag."""
    parser = argparse.ArgumentParser(
        prog="train.py",
        description="Learn galaxy morphology without labels.",
        epilog="example: python train.py --lambda 0.6 --data galaxies --where source=gz1-balanced --image-size 64 --patch-size 8",
    )
    parser.add_argument("--preset", help=f"recipe to start from: {', '.join([*PRESETS, *ALIASES])}")
    parser.add_argument("--out", help="run folder (default runs/<date>-<preset>)")
    parser.add_argument(
        "--resume", metavar="RUN", help="continue a run folder with its config; --data may name where the same galaxies are now"
    )
    parser.add_argument("--device", help="cpu or cuda (default: cuda if there is one)")
    groups: dict[str, Any] = {}
    for flag, group, item, kind in flags(TrainConfig):
        target = groups.setdefault(group, parser.add_argument_group(group) if group else parser)
        target.add_argument(flag, dest=item.name, default=None, **_argument(item, kind))
    return parser


def config_from(options: argparse.Namespace, device: str) -> TrainConfig:
    """Combine preset and flags; ValueError for a value out of range, naming its flag."""
    chosen = preset(options.preset) if options.preset else default_preset(device)
    given = {item.name: getattr(options, item.name) for _, _, item, _ in flags(TrainConfig)}
    changes = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items() if value is not None}
    return replace(chosen, **changes)


def _argument(item: dataclasses.Field[Any], kind: Any) -> dict[str, Any]:
    help_text = item.metadata["help"].replace("%", "%%")
    default = "" if item.default in ("", ()) else f" (default {_plain(item.default)})"
    if kind is bool:
        return {"action": argparse.BooleanOptionalAction, "help": help_text}
    if kind == tuple[str, ...]:
        return {"action": "append", "metavar": "COLUMN=VALUE", "help": help_text}
    if kind == tuple[float, float]:
        return {"nargs": 2, "type": float, "metavar": ("LOW", "HIGH"), "help": help_text + default}
    return {"type": kind, "metavar": kind.__name__.upper(), "help": help_text + default}


def _plain(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _train(options: argparse.Namespace) -> int:
    import torch

    from astrojepa.data import find_data
    from astrojepa.training.trainer import train

    device = options.device or ("cuda" if torch.cuda.is_available() else "cpu")
    if device.partition(":")[0] not in ("cpu", "cuda") or (device.startswith("cuda") and not torch.cuda.is_available()):
        raise ValueError(f"--device {device} is not available here; choose cpu{' or cuda' if torch.cuda.is_available() else ''}.")
    if options.resume:
        given = [flag for flag, _, item, _ in flags(TrainConfig) if getattr(options, item.name) is not None and flag != "--data"]
        if given or options.preset or options.out:
            raise ValueError(f"--resume takes its settings from the run; leave out {', '.join(given) or '--preset and --out'}.")
        folder = train(replace(TrainConfig(), data=options.data or ""), resume=options.resume, device=device)
    else:
        config = config_from(options, device)
        if not options.preset and device == "cpu":
            print(f"Preset    {config.preset}: no GPU here, so the small model; choose another with --preset")
        if find_data(config.data.data).startswith("simulated"):
            print("DATA      SIMULATED GALAXIES: no --data was given and there is no data/Galaxy10_DECals.h5")
        folder = train(config, out=options.out, device=device)
    print(f"Done: {folder}. Look at it: streamlit run app/main.py -- --checkpoint {folder}")
    return 0


def _sentence(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.filename}: {error.strerror}."
    return " ".join(str(error).split()) or type(error).__name__

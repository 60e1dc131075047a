"""The train command: flags from the config's fields."""

from __future__ import annotations

import argparse
import dataclasses
import errno
import os
import re
import shlex
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from astrojepa.cli.options import add_switch, declare
from astrojepa.config import TrainConfig, flags, replace
from astrojepa.files import read_json
from astrojepa.places import EXPLORE
from astrojepa.presets import ALIASES, PRESETS, default_preset, preset

if TYPE_CHECKING:
    import torch

EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130
REMEDIES = {  # what to do where the disk refuses
    errno.ENOSPC: "Free space on that disk, or choose another disk.",
    errno.EDQUOT: "Free space in your quota, or choose another disk.",
    errno.EROFS: "Choose a writable folder.",
}


def add_to(commands: Any) -> None:
    """Declare the command of this file."""
    help = "Train a model without labels."
    parser = declare(
        commands, "train", train, help, "--lambda 0.6 --data galaxies --epochs 5", model=False
    )
    add_train_arguments(parser)


def train_main(arguments: Sequence[str] | None = None) -> int:
    """Run `python train.py ...`; returns the exit code."""
    return guarded(lambda: train(train_parser().parse_args(arguments)))


def guarded(command: Callable[[], int]) -> int:
    """Run a command; errors become one sentence on stderr and exit code 2, Ctrl-C exit code 130.

    Under torchrun the sentence begins with the number of the process.
    """
    # before torch: idle threads that spin slow a shared machine tenfold
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        return command()
    except (ValueError, OSError, FloatingPointError, MemoryError) as error:
        print(f"{_speaker()}error: {_sentence(error)}", file=sys.stderr)
        return EXIT_BAD_INPUT
    except RuntimeError as error:
        if type(error).__name__ != "OutOfMemoryError":  # torch's, which need not be imported here
            raise
        print(
            f"{_speaker()}error: The GPU is out of memory; stop other programs on it, or give "
            "--device cpu.",
            file=sys.stderr,
        )
        return EXIT_BAD_INPUT
    except KeyboardInterrupt as error:
        print(f"{_speaker()}{error or 'Interrupted.'}", file=sys.stderr)
        return EXIT_INTERRUPTED


def train_parser() -> argparse.ArgumentParser:
    """Make the parser of train.py: every setting of the config is a flag."""
    parser = argparse.ArgumentParser(
        prog="train.py",
        description="Train a model without labels.",
        epilog="example: python train.py --lambda 0.6 --data galaxies --where source=gz1-balanced "
        "--image-size 64 --patch-size 8",
    )
    add_train_arguments(parser)
    return parser


def add_train_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of a training."""
    parser.add_argument("--preset", help=f"preset: {', '.join([*PRESETS, *ALIASES])}")
    parser.add_argument("--out", help="run folder (default runs/<date>-<preset>)")
    parser.add_argument(
        "--resume",
        metavar="RUN",
        help="continue this run with its config; --data may give a new path to the same galaxies",
    )
    parser.add_argument("--device", help="cpu or cuda (default: cuda if there is one)")
    parser.add_argument(
        "--compile",
        choices=("auto", "on", "off"),
        default="auto",
        help="compile the network (default auto: on a GPU)",
    )
    add_switch(parser, "--tensorboard", "also write TensorBoard events to RUN/tensorboard")
    parser.add_argument(
        "--judge-every",
        type=int,
        default=1,
        metavar="EPOCHS",
        help="validate and save every so many epochs, and after the last (default 1); on a GPU "
        "validation may take as long as an epoch",
    )
    parser.add_argument(
        "--sweep",
        action="append",
        metavar="SETTING=VALUE,...",
        help="train one run per value, inside --out, with table.csv and table.md; repeat the flag "
        "for all combinations; the same command continues a sweep and new values extend it; "
        "write pairs as LOW:HIGH",
    )
    parser.add_argument(
        "--seeds",
        type=int,
        metavar="INT",
        help="runs per combination of a sweep: --seed, --seed + 1, ... (default 1)",
    )
    groups: dict[str, Any] = {}
    for flag, group, item, kind in flags(TrainConfig):
        target = groups.setdefault(group, parser.add_argument_group(group) if group else parser)
        target.add_argument(flag, dest=item.name, default=None, **_argument(item, kind))


def choose_device(name: str | None) -> torch.device:
    """Return the device asked for (default cuda if available); ValueError if unavailable."""
    import torch

    there = torch.cuda.is_available()
    name = name or ("cuda" if there else "cpu")
    if name.partition(":")[0] not in ("cpu", "cuda") or (name.startswith("cuda") and not there):
        raise ValueError(
            f"--device {name} is not available; choose cpu{' or cuda' if there else ''}."
        )
    return torch.device(name)


def config_from(options: argparse.Namespace, device: str) -> TrainConfig:
    """Combine preset and flags; ValueError for a value out of range, naming its setting."""
    chosen = preset(options.preset) if options.preset else default_preset(device)
    given = {item.name: getattr(options, item.name) for _, _, item, _ in flags(TrainConfig)}
    changes = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in given.items()
        if value is not None
    }
    return replace(chosen, **changes)


def sweep_settings(texts: Sequence[str]) -> dict[str, list[Any]]:
    """Read --sweep's SETTING=VALUE,... by field name or flag, as in lambda=0,0.6."""
    settings: dict[str, list[Any]] = {}
    named = {flag[2:]: (item.name, kind) for flag, _, item, kind in flags(TrainConfig)}
    named |= {name: (name, kind) for name, kind in named.values()}
    for text in texts:
        given, _, values = text.partition("=")
        # one that does not exist is refused by the sweep
        name, kind = named.get(given, (given, str))
        settings.setdefault(name, []).extend(
            _parsed(given, kind, value.strip()) for value in values.split(",") if value.strip()
        )
    return settings


def _parsed(name: str, kind: Any, text: str) -> Any:
    try:
        if kind is bool:
            return {"true": True, "false": False}[text]
        if kind == tuple[float, float]:
            low, high = map(float, text.split(":"))
            return low, high
        return kind(text)
    except (ValueError, KeyError) as error:
        wanted = {int: "a whole number", float: "a number", bool: "true or false"}.get(
            kind, "LOW:HIGH"
        )
        raise ValueError(
            f"--sweep {name}: {text!r} is not {wanted}; write --sweep {name}=VALUE,VALUE."
        ) from error


def _argument(item: dataclasses.Field[Any], kind: Any) -> dict[str, Any]:
    help_text = item.metadata["help"].replace("%", "%%")
    default = "" if item.default in ("", ()) else f" (default {_plain(item.default)})"
    if kind is bool:
        return {"action": argparse.BooleanOptionalAction, "help": help_text}
    if kind == tuple[str, ...] and item.metadata["metavar"] == "COLUMN=VALUE":
        return {"action": "append", "metavar": "COLUMN=VALUE", "help": help_text}
    if kind in (tuple[str, ...], tuple[float, ...]):
        one = str if kind == tuple[str, ...] else float
        return {"nargs": "+", "type": one, "metavar": item.metadata["metavar"], "help": help_text}
    if kind == tuple[float, float]:
        return {"nargs": 2, "type": float, "metavar": ("LOW", "HIGH"), "help": help_text + default}
    return {"type": kind, "metavar": kind.__name__.upper(), "help": help_text + default}


def _plain(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def train(options: argparse.Namespace) -> int:
    """Train as the options say; returns the exit code."""
    from astrojepa.training import trainer

    device = str(choose_device(options.device))
    how: dict[str, Any] = {
        "device": device,
        "compile": options.compile,
        "tensorboard": options.tensorboard,
        "judge_every": options.judge_every,
    }
    if options.seeds is not None and not options.sweep:
        raise ValueError(
            "--seeds needs a sweep, such as --sweep sigreg_weight=0.6; for a single run use --seed."
        )
    if options.resume:
        _only_where(options)
        folder = trainer.train(
            replace(TrainConfig(), data=options.data or ""), resume=options.resume, **how
        )
    elif options.sweep:
        return _sweep(options, how)
    else:
        folder = trainer.train(_announced(options, device), out=options.out, **how)
    config = read_json(folder / "config.json")
    data, bands = config["data"]["data"], config["image"].get("bands", [])
    opened = [*(["--data", data] if data else []), *(["--bands", *bands] if bands else [])]
    shown = shlex.join([*opened, "--checkpoint", str(folder)])
    _say(f"Done: {folder}. Explore it with: {EXPLORE} {shown}")
    return 0


def _sweep(options: argparse.Namespace, how: dict[str, Any]) -> int:
    from astrojepa.training.sweep.sweep import sweep

    if not options.out:
        raise ValueError("--sweep needs --out FOLDER for its runs and table.")
    settings = sweep_settings(options.sweep)
    seeds = 1 if options.seeds is None else options.seeds
    folder = sweep(_announced(options, how["device"]), settings, seeds, options.out, **how)
    _say(f"Done: {folder}, see {folder / 'table.md'} and table.csv")
    return 0


def _only_where(options: argparse.Namespace) -> None:
    """Refuse settings beside --resume, which has its own."""
    given = [
        flag
        for flag, _, item, _ in flags(TrainConfig)
        if getattr(options, item.name) is not None and flag != "--data"
    ]
    given += [f"--{name}" for name in ("preset", "out", "sweep") if getattr(options, name)]
    if given:
        raise ValueError(f"--resume takes its settings from the run; leave out {', '.join(given)}.")


def _announced(options: argparse.Namespace, device: str) -> TrainConfig:
    """Return the config that the options describe, and say what they leave open."""
    from astrojepa.checkpoints.model import weights_file
    from astrojepa.data import find_data, is_simulated

    config = config_from(options, device)
    for name in filter(None, (config.start_from, config.encoder_from)):
        if name.partition(":")[0] not in ("random", "timm"):
            weights_file(name)  # or a sentence, before anything is announced
    source = find_data(config.data.data)
    if not options.preset and device == "cpu":
        _say(f"Preset    {config.preset}: the default without a GPU; choose another with --preset")
    if is_simulated(source):
        why = ": no --data was given and there is no data/Galaxy10_DECals.h5"
        _say(f"DATA      SIMULATED GALAXIES{'' if config.data.data else why}")
    return config


def _say(text: str) -> None:
    """Print once, however many processes torchrun has started."""
    if os.environ.get("RANK", "0") == "0":
        print(text, flush=True)


def _speaker() -> str:
    """Return the process's number under torchrun, else nothing."""
    if "RANK" in os.environ and os.environ.get("WORLD_SIZE", "1") != "1":
        return f"[process {os.environ['RANK']}] "
    return ""


def _sentence(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror and error.filename:
        remedy = REMEDIES.get(error.errno or 0, "")
        return f"{error.filename}: {error.strerror}. {remedy}".rstrip()
    return _with_flags(" ".join(str(error).split())) or type(error).__name__


def _with_flags(message: str) -> str:
    """Name the flag for each argument that the library names, as in `batch_size`."""
    named = {item.name: flag for flag, _, item, _ in flags(TrainConfig)}
    return re.sub(
        r"`([a-z_]+)`",
        lambda found: named.get(found[1], "--" + found[1].replace("_", "-")),
        message,
    )

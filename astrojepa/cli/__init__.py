"""`astrojepa COMMAND`: each is one function of the package, from files to files."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any

import astrojepa as aj
from astrojepa.cli import (
    anomalies,
    bundles,
    classify,
    compare,
    data,
    embed,
    explore,
    label_next,
    maps,
    match,
    neighbours,
    patches,
    probes,
    reports,
    runs,
    store,
    train,
)
from astrojepa.cli.train import guarded

SUBJECTS = (
    train,
    explore,
    embed,
    probes,
    classify,
    label_next,
    anomalies,
    maps,
    neighbours,
    store,
    patches,
    compare,
    reports,
    runs,
    bundles,
    data,
    match,
)


class _Parser(argparse.ArgumentParser):
    """Takes a command of two words, such as `export bundle`, for one."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        words = list(sys.argv[1:] if args is None else args)
        if (name := " ".join(words[:2])) in bundles.NAMES:
            words[:2] = [name]
        return super().parse_known_args(words, namespace)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one sub-command; returns the exit code."""
    options = make_parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.run
    return guarded(lambda: command(options))


def make_parser() -> argparse.ArgumentParser:
    """Make the parser: every sub-command's help ends in an example."""
    parser = _Parser(
        prog="astrojepa",
        description="Galaxy morphology without labels: train models, embed galaxies, explore.",
    )
    parser.add_argument("--version", action="version", version=f"astrojepa {aj.__version__}")
    commands = parser.add_subparsers(
        required=True, metavar="COMMAND", parser_class=argparse.ArgumentParser
    )
    for subject in SUBJECTS:
        subject.add_to(commands)
    return parser

"""`python -m astrojepa COMMAND`: one function of the package each, from files to files."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

from astrojepa.cli import guarded
from astrojepa.commands import anomalies, compare, data, embed, maps, patches, probes, reports, runs

SUBJECTS = (embed, probes, anomalies, maps, patches, compare, reports, runs, data)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one sub-command; returns the exit code."""
    options = make_parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.run
    return guarded(lambda: command(options))


def make_parser() -> argparse.ArgumentParser:
    """Make the parser: every sub-command's help ends in an example."""
    parser = argparse.ArgumentParser(
        prog="python -m astrojepa", description="Use what a model has learned, from the command line."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for subject in SUBJECTS:
        subject.add_to(commands)
    return parser

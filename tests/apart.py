"""Trainings in processes of their own, forked from one that has imported everything once: each
saves the seconds that importing torch takes.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import ModuleType
from unittest.mock import patch

from astrojepa.cli.train import train_main
from tests.forking import ALONE

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["astrojepa.training.trainer", "tests.apart"])


def start_training(arguments: Sequence[str], said: Path) -> BaseProcess:
    """Start `train.py ARGUMENTS` with this environment; what it prints goes to a file."""
    process = FORKS.Process(target=_train, args=(list(arguments), dict(os.environ), said))
    # the new process would look for the program that is __main__ here
    with patch.dict(sys.modules, __main__=ModuleType("__main__")), patch.dict(os.environ, ALONE):
        process.start()
    return process


def _train(arguments: list[str], environment: dict[str, str], said: Path) -> None:
    os.environ.clear()
    os.environ.update(environment)
    with said.open("w") as stream:
        for descriptor in (1, 2):
            os.dup2(stream.fileno(), descriptor)
    sys.exit(train_main(arguments))

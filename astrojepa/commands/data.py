"""data: what is in a data set."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from astrojepa.commands.options import add_data, declare, open_data


def add_to(commands: Any) -> None:
    """Declare the commands of this file."""
    data = declare(commands, "data", _data, "Say what is in a data set.", "--data galaxies", model=False)
    add_data(data)


def _data(options: argparse.Namespace) -> int:
    data = open_data(options)
    print(f"{data.name}: {len(data):,} galaxies, {int((data.labels >= 0).sum()):,} labelled, fingerprint {data.fingerprint}")
    for index, name in enumerate(data.classes):
        print(f"  {name:30s} {int((data.labels == index).sum()):6,}")
    if data.split_column is not None:
        for name in np.unique(data.split_column):
            print(f"  split {name:24s} {int((data.split_column == name).sum()):6,}")
    return 0

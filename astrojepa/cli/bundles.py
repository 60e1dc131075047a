"""export bundle: a folder for a hosted explorer; export demo: that of a fresh clone."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from astrojepa.checkpoints import bundle
from astrojepa.cli.options import add_data, add_value, declare, open_data
from astrojepa.places import EXPLORE

NAMES = BUNDLE, DEMO = "export bundle", "export demo"


def add_to(commands: Any) -> None:
    """Declare the commands of this file."""
    help = (
        "Write a folder from which the explorer can be hosted without the original data or a GPU."
    )
    example = "--data galaxies --checkpoint best --out bundle"
    made = declare(commands, BUNDLE, _bundle, help, example, model=False)
    add_data(made)
    add_value(made, "--checkpoint", "best", "id, alias, run folder or file of a model")
    made.add_argument("--out", type=Path, required=True, help="folder to create")
    add_value(made, "--size", 160, "largest image side, pixels")
    help = "Recompute the demo that a fresh clone opens with: the simulated galaxies in demo/."
    demo = declare(commands, DEMO, _demo, help, "", model=False)
    demo.add_argument(
        "--out",
        type=Path,
        default=bundle.DEMO,
        help="folder to replace (default: demo/ of this project)",
    )


def _bundle(options: argparse.Namespace) -> int:
    import astrojepa as aj
    from astrojepa.data import find_data
    from astrojepa.evaluation.reports.bundling import make_bundle

    data, model = open_data(options), aj.load_model(options.checkpoint)
    made = make_bundle(
        data,
        find_data(options.data),
        model,
        options.out,
        options.size,
        creator=f"astrojepa {aj.__version__}",
        progress=sys.stderr.isatty(),
    )
    print(
        f"{options.out}: {len(data):,} galaxies, {', '.join(made.checkpoints)}, "
        f"{made.num_bytes / 1e6:.1f} MB"
    )
    print(f"{EXPLORE} --bundle {options.out}")
    return 0


def _demo(options: argparse.Namespace) -> int:
    import astrojepa as aj
    from astrojepa.evaluation.reports.bundling import make_demo

    made = make_demo(
        options.out, creator=f"astrojepa {aj.__version__}", progress=sys.stderr.isatty()
    )
    print(f"{made.root}: {', '.join(made.released)}, {made.num_bytes / 1e6:.1f} MB")
    return 0

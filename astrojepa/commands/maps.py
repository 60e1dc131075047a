"""project: galaxies on a map."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from astrojepa.commands.options import declare, label, vectors, write_rows


def add_to(commands: Any) -> None:
    """Declare the commands of this file."""
    project = declare(
        commands, "project", _project, "Lay the galaxies out on a map.", "best --data galaxies --method umap --out map.csv"
    )
    project.add_argument("--method", default="umap", help="pca, umap or tsne (default umap)")
    project.add_argument("--seed", type=int, default=0, help="decides the layout (default 0)")
    project.add_argument("--out", required=True, type=Path, help="CSV file: id, x, y, label")


def _project(options: argparse.Namespace) -> int:
    import astrojepa as aj

    data, found = vectors(options)
    xy = aj.project(found, method=options.method, seed=options.seed, progress=sys.stderr.isatty())
    rows = [[data.ids[i], f"{x:.6g}", f"{y:.6g}", label(data, i)] for i, (x, y) in enumerate(xy)]
    write_rows(options.out, ["id", "x", "y", "label"], rows)
    print(f"{options.out}: {len(rows)} galaxies, {options.method}, seed {options.seed}")
    return 0

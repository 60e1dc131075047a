"""anomalies: the strangest galaxies first."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from astrojepa.commands.options import declare, label, print_rows, vectors, write_rows


def add_to(commands: Any) -> None:
    """Declare the commands of this file."""
    strange = declare(commands, "anomalies", _anomalies, "List the strangest galaxies first.", "best --data galaxies --top 25")
    strange.add_argument("--method", default="knn", help="knn, lof, mahalanobis or isolation (default knn)")
    strange.add_argument("--top", type=int, default=25, help="rows to print (default 25)")
    strange.add_argument("--out", type=Path, help="CSV file with every galaxy")


def _anomalies(options: argparse.Namespace) -> int:
    import astrojepa as aj

    data, found = vectors(options)
    scores = aj.anomaly_scores(found, method=options.method)
    order = np.argsort(-scores, kind="stable")
    rows = [[rank, data.ids[i], f"{scores[i]:.6g}", label(data, i)] for rank, i in enumerate(order, 1)]
    print_rows(["rank", "id", "score", "label"], rows[: options.top])
    if options.out:
        write_rows(options.out, ["rank", "id", "score", "label"], rows)
    return 0

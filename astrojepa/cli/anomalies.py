"""anomalies: rank galaxies by a score, or measure how well scores find a class."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from astrojepa.cli.options import declare, label, open_data, print_rows, six_digits
from astrojepa.evaluation.anomalies.registry import DEFAULT
from astrojepa.files import write_csv, write_json

if TYPE_CHECKING:
    from astrojepa.checkpoints.model import Model
    from astrojepa.data.dataset import Dataset
    from astrojepa.evaluation.anomalies.leaderboard_table import Row

_MEASURES = ("average_precision", "difference", "recall", "enrichment", "artefact_share")


def add_to(commands: Any) -> None:
    """Declare the commands of this file."""
    strange = declare(
        commands,
        "anomalies",
        _anomalies,
        "Rank galaxies by an anomaly score, most anomalous first.",
        "best --data galaxies --top 25",
    )
    strange.add_argument(
        "--score",
        "--method",
        default=DEFAULT,
        help=f"score (default {DEFAULT}); an unknown name lists all",
    )
    strange.add_argument(
        "--k", type=int, default=20, help="number of neighbours for knn and lof (default 20)"
    )
    strange.add_argument("--top", type=int, default=25, help="rows to print (default 25)")
    strange.add_argument(
        "--output",
        "--out",
        type=Path,
        help="CSV or JSON file with every galaxy, or with the leaderboard",
    )
    strange.add_argument(
        "--leaderboard", action="store_true", help="thin a class and measure which score finds it"
    )
    strange.add_argument(
        "--rare",
        default="",
        help=(
            'class to thin, or kinds of simulated galaxies such as "ring+lens" (default: each '
            "class)"
        ),
    )
    strange.add_argument(
        "--fraction",
        type=float,
        default=0.02,
        help="fraction of all galaxies that it then makes up (default 0.02)",
    )
    strange.add_argument(
        "--draws", type=int, default=100, help="number of random draws (default 100)"
    )
    strange.add_argument(
        "--slow",
        action="store_true",
        help="also use JEPA-SCORE and prediction errors under random masks",
    )


def _anomalies(options: argparse.Namespace) -> int:
    import astrojepa as aj
    from astrojepa.evaluation.anomalies.registry import find

    find(options.score)
    if options.output and options.output.suffix.lower() not in (".csv", ".json"):
        raise ValueError(
            f"--output is {options.output.name}; name a file that ends in .csv or .json."
        )
    for flag in ("top", "draws", "k"):
        if getattr(options, flag) < 1:
            raise ValueError(f"--{flag} is {getattr(options, flag)}; it must be at least 1.")
    data, model = open_data(options), aj.load_model(options.model)
    return (
        _leaderboards(options, model, data) if options.leaderboard else _list(options, model, data)
    )


def _list(options: argparse.Namespace, model: Model, data: Dataset) -> int:
    from astrojepa.evaluation.anomalies.scoring import score_by_name
    from astrojepa.evaluation.pictures.checks import correlations, picture_checks

    heard = sys.stderr.isatty()
    scores = score_by_name(model, data, options.score, options.k, progress=heard)
    checks = picture_checks(data, progress=heard)
    columns = {"artefact": checks.artefact} | checks.parts | checks.properties
    galaxies: list[dict[str, Any]] = [
        {"rank": rank, "id": str(data.ids[i]), "score": float(scores[i]), "label": label(data, i)}
        | {name: float(values[i]) for name, values in columns.items()}
        for rank, i in enumerate(np.argsort(-scores, kind="stable"), 1)
    ]
    shown = ["rank", "id", "score", "label", "artefact"]
    print_rows(
        shown, [[_text(galaxy[name]) for name in shown] for galaxy in galaxies[: options.top]]
    )
    follows = correlations({options.score: scores}, checks.properties)
    for found in follows:
        if found.flagged:
            print(
                f"{found.score} correlates with {found.about}: rank correlation "
                f"{found.spearman:+.2f}",
                file=sys.stderr,
            )
    if options.output and options.output.suffix.lower() == ".csv":
        write_csv(
            options.output,
            list(galaxies[0]),
            [[_rounded(cell) for cell in galaxy.values()] for galaxy in galaxies],
        )
    elif options.output:
        known = [{name: _finite(cell) for name, cell in galaxy.items()} for galaxy in galaxies]
        rho = {found.about: _finite(found.spearman) for found in follows}
        write_json(
            options.output, _facts(options, model, data) | {"spearman": rho, "galaxies": known}
        )
    return 0


def _leaderboards(options: argparse.Namespace, model: Model, data: Dataset) -> int:
    from astrojepa.evaluation.anomalies.leaderboard import num_kept
    from astrojepa.evaluation.anomalies.leaderboard_table import (
        leaderboard_table,
        rare_labels,
        table_lines,
    )

    tables: dict[str, list[Row]] = {}
    for rare in [options.rare] if options.rare else data.classes:
        labels = rare_labels(data, rare)
        try:
            num_kept(int((labels == 0).sum()), int((labels == 1).sum()), options.fraction)
        except ValueError as error:
            if options.rare:
                raise
            print(f"{rare}: left out. {error}", file=sys.stderr)
            continue
        settings = {"k": options.k, "slow": options.slow, "progress": sys.stderr.isatty()}
        tables[rare] = leaderboard_table(
            model, data, rare, options.fraction, options.draws, **settings
        )
        print(
            f"## {rare} thinned to {options.fraction:.2g} in "
            f"{data.name}{' (SIMULATED)' if data.simulated else ''}\n"
        )
        print("\n".join(table_lines(tables[rare])) + "\n")
    if not tables:
        raise ValueError(
            f"No class of {data.name} can be thinned; give labelled galaxies, or another "
            "--fraction."
        )
    if not options.slow:
        print(
            "Not included: JEPA-SCORE and prediction errors under random masks; add them with "
            "--slow.",
            file=sys.stderr,
        )
    if options.output and options.output.suffix.lower() == ".csv":
        _write_table(options.output, tables)
    elif options.output:
        settings = {"fraction": options.fraction, "draws": options.draws}
        write_json(
            options.output,
            _facts(options, model, data)
            | settings
            | {"rare": {k: _table(v) for k, v in tables.items()}},
        )
    return 0


def _facts(options: argparse.Namespace, model: Model, data: Dataset) -> dict[str, Any]:
    """Say what the numbers were made from."""
    return {
        "data": data.name,
        "where": options.where or [],
        "data_hash": data.fingerprint,
        "simulated": data.simulated,
        "model": model.id,
        "model_hash": model.hash,
        "score": None if options.leaderboard else options.score,
        "k": options.k,
    }


def _table(rows: list[Row]) -> dict[str, Any]:
    first = rows[0].ranking
    counts = {"num_rare": first.num_rare, "num_galaxies": first.num_galaxies, "top": first.top}
    return counts | {"rows": [row.to_dict() for row in rows]}


def _write_table(path: Path, tables: dict[str, list[Row]]) -> None:
    """Write a line per class and score: mean of each measure and range of 95 % of the draws."""
    abouts = list(next(iter(tables.values()))[0].ranking.follows)
    measures = [f"{name}{end}" for name in _MEASURES for end in ("", "_low", "_high")]
    lines = []
    for rare, rows in tables.items():
        for facts in (row.to_dict() for row in rows):
            numbers = [six_digits(value) for name in _MEASURES for value in facts[name]]
            rho = [_rounded(facts["spearman"][about]) for about in abouts]
            lines.append([rare, facts["vectors"], facts["score"], *numbers, *rho])
    write_csv(
        path,
        ["rare", "vectors", "score", *measures, *(f"spearman {about}" for about in abouts)],
        lines,
    )


def _text(cell: Any) -> str:
    return f"{cell:.6g}" if isinstance(cell, float) else str(cell)


def _rounded(cell: Any) -> Any:
    return six_digits(cell) if isinstance(cell, float) else cell


def _finite(cell: Any) -> Any:
    """Return None for a number that JSON has no word for, and anything else as it is."""
    return None if isinstance(cell, float) and not np.isfinite(cell) else cell

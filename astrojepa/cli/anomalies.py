"""anomalies: rank galaxies by a score, or measure how well scores find a class."""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from astrojepa.cli.options import (
    TABLE_FILE,
    add_switch,
    add_thinning,
    add_value,
    check_output,
    check_source,
    declare,
    label,
    large_store,
    open_data,
    open_stored,
    places,
    print_columns,
    print_rows,
    provenance,
    store_columns,
    store_provenance,
)
from astrojepa.evaluation.anomalies import DEFAULT, OF_VECTORS
from astrojepa.files import write_json
from astrojepa.tables import Column, write_table

if TYPE_CHECKING:
    from astrojepa.checkpoints.model import Model
    from astrojepa.data.dataset import Dataset
    from astrojepa.evaluation.anomalies.leaderboard_table import Row
    from astrojepa.evaluation.vectors.store import Store
    from astrojepa.evaluation.vectors.stored import Stored
    from astrojepa.types import Embeddings


def add_to(commands: Any) -> None:
    """Declare the commands of this file."""
    help = "Rank galaxies by an anomaly score, most anomalous first."
    example = "best --data galaxies --top 25"
    strange = declare(commands, "anomalies", _anomalies, help, example, stored=True)
    strange.add_argument(
        "--score",
        "--method",
        default="",
        help=f"score (default {DEFAULT}, with --vectors {OF_VECTORS}); an unknown name lists all",
    )
    add_value(strange, "--k", 20, "number of neighbours for knn and lof")
    add_value(strange, "--top", 25, "rows to print")
    strange.add_argument(
        "--output",
        "--out",
        type=Path,
        help=f"JSON or {TABLE_FILE}; of all galaxies, or of the leaderboard; or, for more than "
        "200,000 vectors in Parquet files, a new folder with their columns and a column score",
    )
    add_switch(strange, "--leaderboard", "thin a class and measure which score finds it")
    strange.add_argument(
        "--rare",
        default="",
        help='class to thin, or kinds of simulated galaxies such as "ring+lens" (default: each '
        "class)",
    )
    add_thinning(strange)
    add_switch(strange, "--slow", "also use JEPA-SCORE and prediction errors under random masks")


def _anomalies(options: argparse.Namespace) -> int:
    import astrojepa as aj
    from astrojepa.evaluation.anomalies.registry import find
    from astrojepa.evaluation.vectors.neighbour_index import LARGE

    check_source(options)
    options.score = options.score or (OF_VECTORS if options.vectors else DEFAULT)
    find(options.score)
    if options.output:
        check_output(options.output, "--output", ".json")
    for flag in ("top", "draws", "k"):
        if getattr(options, flag) < 1:
            raise ValueError(f"--{flag} is {getattr(options, flag)}; it must be at least 1.")
    by_lists = find(options.score).of_lists and not options.leaderboard
    if by_lists and (store := large_store(options)) is not None:
        return _list_store(options, store)
    if options.output and not options.output.suffix:
        raise ValueError(
            f"{options.output} is no file of a table; a folder is written only for --vectors of "
            f"more than {LARGE:,} galaxies in Parquet files, with --score knn or lof and faiss."
        )
    source: Model | Stored
    found = None
    if options.vectors:
        source, data, found = open_stored(options)
    else:
        data, source = open_data(options), aj.load_model(options.model)
    return (_leaderboards if options.leaderboard else _list)(options, source, data, found)


def _list(
    options: argparse.Namespace, source: Model | Stored, data: Dataset, found: Embeddings | None
) -> int:
    from astrojepa.evaluation.anomalies.registry import find
    from astrojepa.evaluation.anomalies.scoring import score_by_name, score_stored
    from astrojepa.evaluation.pictures.checks import correlations, picture_checks

    heard, name, k = sys.stderr.isatty(), options.score, options.k
    scores = (
        score_by_name(source, data, name, k, progress=heard)  # type: ignore[arg-type]
        if found is None
        else score_stored(found, data, name, k)
    )
    properties: dict[str, Any] = {}
    order = (-scores).argsort(kind="stable")
    columns = [
        Column("rank", range(1, len(order) + 1), "1 = most anomalous"),
        Column("id", data.ids[order].astype(str), "name of the galaxy"),
        Column("score", scores[order].astype(float), f"{name}: {find(name).meaning}"),
        Column("label", [label(data, row) for row in order], "class"),
    ]
    shown = len(columns)
    if data.has_images:
        checks = picture_checks(data, progress=heard)
        properties, shown = checks.properties, shown + 1
        measured = {"artefact": checks.artefact} | checks.parts | properties
        columns += [
            Column(title, values[order].astype(float), f"{title} of the image")
            for title, values in measured.items()
        ]
    rows = zip(*(column.cells()[: options.top] for column in columns[:shown]), strict=True)
    print_rows(
        [column.name for column in columns[:shown]], [[_text(cell) for cell in row] for row in rows]
    )
    follows = correlations({name: scores}, properties)
    for one in follows:
        if one.flagged:
            print(
                f"{one.score} correlates with {one.about}: rank correlation {one.spearman:+.2f}",
                file=sys.stderr,
            )
    if options.output and options.output.suffix.lower() == ".json":
        rho = {one.about: _finite(one.spearman) for one in follows}
        said = {"spearman": rho, "galaxies": _records(columns)}
        write_json(options.output, _facts(options, source, data) | said)
    elif options.output:
        facts = provenance(source, data, score=name, k=k)
        write_table(options.output, [*columns, *places(data, order)], facts)
    return 0


def _list_store(options: argparse.Namespace, store: Store) -> int:
    """Rank the galaxies of a large store by its index."""
    import numpy as np

    from astrojepa.evaluation.anomalies.registry import find
    from astrojepa.evaluation.anomalies.scoring import score_store
    from astrojepa.evaluation.vectors.sorted_store import write_sorted
    from astrojepa.evaluation.vectors.store_index import open_index

    heard, name, k = sys.stderr.isatty(), options.score, options.k
    scores = score_store(open_index(store, progress=heard), name, k, progress=heard)
    order = (-scores).argsort(kind="stable")
    table = options.output and options.output.suffix
    shown = order if table else order[: options.top]
    known = store.known_of(shown)
    columns = [
        Column("rank", range(1, len(shown) + 1), "1 = most anomalous"),
        Column("id", known["id"].astype(str), "name of the galaxy"),
        Column("score", scores[shown], f"{name}: {find(name).meaning}"),
        *store_columns(known),
    ]
    print_columns(columns, options.top)
    facts = store_provenance(store, score=name, k=k, index="IVF,SQ8")
    if options.output and options.output.suffix.lower() == ".json":
        write_json(options.output, facts | {"galaxies": _records(columns)})
    elif table:
        write_table(options.output, columns, facts)
    elif options.output:
        added = {"score": scores.astype("float32")}
        about = {"score": f"{find(name).title}, k = {k}"}
        write_sorted(store, np.arange(len(store)), added, options.output, about, progress=heard)
    return 0


def _leaderboards(
    options: argparse.Namespace, source: Model | Stored, data: Dataset, found: Embeddings | None
) -> int:
    from astrojepa.evaluation.anomalies.leaderboard import num_kept
    from astrojepa.evaluation.anomalies.leaderboard_table import (
        as_dict,
        leaderboard_table,
        rare_labels,
        table_columns,
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
            None if found is not None else source,  # type: ignore[arg-type]
            data,
            rare,
            options.fraction,
            options.draws,
            found=found,
            **settings,
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
    if found is not None:
        print(
            "Not included: scores of tokens, prediction errors and random weights, which need a "
            f"model{'' if data.has_images else '; baselines of the images, which need --data'}.",
            file=sys.stderr,
        )
    elif not options.slow:
        print(
            "Not included: JEPA-SCORE and prediction errors under random masks; add them with "
            "--slow.",
            file=sys.stderr,
        )
    settings = {"fraction": options.fraction, "draws": options.draws}
    if options.output and options.output.suffix.lower() == ".json":
        found_by_class = {"rare": {rare: as_dict(table) for rare, table in tables.items()}}
        write_json(options.output, _facts(options, source, data) | settings | found_by_class)
    elif options.output:
        facts = provenance(source, data, k=options.k, **settings)
        write_table(options.output, table_columns(tables), facts)
    return 0


def _facts(options: argparse.Namespace, source: Model | Stored, data: Dataset) -> dict[str, Any]:
    """Say what the numbers were made from."""
    return {
        "data": data.name,
        "where": options.where or [],
        "data_hash": data.fingerprint,
        "simulated": data.simulated,
        **source.origin,
        "score": None if options.leaderboard else options.score,
        "k": options.k,
    }


def _text(cell: Any) -> str:
    return f"{cell:.6g}" if isinstance(cell, float) else str(cell)


def _records(columns: list[Column]) -> list[dict[str, Any]]:
    """Return the rows of a table as JSON holds them."""
    lines = zip(*(column.array.tolist() for column in columns), strict=True)
    names = [column.name for column in columns]
    return [dict(zip(names, map(_finite, line), strict=True)) for line in lines]


def _finite(cell: Any) -> Any:
    """Return None for a number that JSON has no word for, and anything else as it is."""
    return None if isinstance(cell, float) and not math.isfinite(cell) else cell

"""neighbours: the galaxies nearest to others in feature space."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from astrojepa.cli.options import (
    TABLE_FILE,
    add_switch,
    add_value,
    check_source,
    declare,
    label,
    large_store,
    places,
    print_columns,
    provenance,
    row_of,
    store_columns,
    store_provenance,
    vectors,
)
from astrojepa.files import write_json
from astrojepa.tables import Column, check_table, write_table

if TYPE_CHECKING:
    from astrojepa.evaluation.vectors.store import Store

SHOWN = 60  # rows that are printed
FEWEST = 5  # galaxies of which recall is measured


def add_to(commands: Any) -> None:
    """Declare the command of this file."""
    help = "List the nearest galaxies in feature space."
    example = "best --data galaxies --galaxy 587722981741625344 --k 6 --out near.vot"
    near = declare(commands, "neighbours", _neighbours, help, example, stored=True)
    near.add_argument(
        "--galaxy",
        action="append",
        default=[],
        metavar="ID",
        help="galaxy: id or row number; repeatable; without it, the neighbours of each galaxy",
    )
    add_value(near, "--k", 6, "neighbours of each galaxy")
    add_switch(near, "--whitened", "measure distances along uncorrelated axes of unit variance")
    near.add_argument(
        "--recall",
        type=int,
        metavar="COUNT",
        help="with --vectors: measure instead, for COUNT galaxies, what share of their 10 nearest "
        "the index of a large store finds, and how long a query takes",
    )
    near.add_argument("--out", type=Path, help=f"{TABLE_FILE}; with --recall a JSON file")


def _neighbours(options: argparse.Namespace) -> int:
    import numpy as np

    import astrojepa as aj

    if options.recall is not None:
        return _recall(options)
    if options.out:
        check_table(options.out, "--out")
    check_source(options)
    if not options.whitened and (store := large_store(options)) is not None:
        return _of_store(options, store)
    source, data, embeddings = vectors(options)
    queries = np.array(
        [row_of(data, name) for name in options.galaxy] or range(len(data)), dtype=np.int64
    )
    found = aj.neighbours(embeddings, queries, options.k, whitened=options.whitened)
    rows, each = found.indices.ravel(), found.indices.shape[1]
    columns = [
        Column("galaxy", np.repeat(data.ids[queries].astype(str), each), "galaxy asked for"),
        Column("rank", np.tile(np.arange(1, each + 1), len(queries)), "1 = nearest"),
        Column("id", data.ids[rows].astype(str), "its neighbour"),
        Column("distance", found.distances.ravel(), "distance, in standard deviations"),
        Column("label", [label(data, row) for row in rows], "class of the neighbour"),
        *places(data, rows),
    ]
    _show(options, columns, provenance(source, data, k=each, whitened=options.whitened))
    return 0


def _of_store(options: argparse.Namespace, store: Store) -> int:
    """List the neighbours of the galaxies that are named, by the index of a large store."""
    import numpy as np

    from astrojepa.evaluation.vectors.neighbours import check_count
    from astrojepa.evaluation.vectors.store_index import open_index

    check_count(options.k)
    if not options.galaxy:
        raise ValueError(
            f"{options.vectors} holds {len(store):,} galaxies, too many to list the neighbours of "
            f"each; name some with --galaxy."
        )
    queries = np.array([store.row_of(name) for name in options.galaxy], dtype=np.int64)
    index = open_index(store, progress=sys.stderr.isatty())
    distances, found = index.nearest(queries, options.k)
    known, each = store.known_of(found.ravel()), found.shape[1]
    asked = store.known_of(queries)["id"].astype(str)
    columns = [
        Column("galaxy", np.repeat(asked, each), "galaxy asked for"),
        Column("rank", np.tile(np.arange(1, each + 1), len(queries)), "1 = nearest"),
        Column("id", known["id"].astype(str), "its neighbour"),
        Column("distance", distances.ravel(), "distance, in standard deviations"),
        *store_columns(known),
    ]
    _show(options, columns, store_provenance(store, k=each, index="IVF,SQ8"))
    return 0


def _show(options: argparse.Namespace, columns: list[Column], facts: dict[str, Any]) -> None:
    """Print the first rows of a table, and write it where --out is given."""
    print_columns(columns, SHOWN)
    if (count := len(columns[0].array)) > SHOWN:
        print(f"and {count - SHOWN:,} further rows")
    if options.out:
        write_table(options.out, columns, facts)


def _recall(options: argparse.Namespace) -> int:
    """Measure the index of a store of any size."""
    import numpy as np

    from astrojepa.evaluation.vectors.recall import measure_recall
    from astrojepa.evaluation.vectors.store import open_store
    from astrojepa.evaluation.vectors.store_index import open_index

    if options.vectors is None:
        raise ValueError("--recall measures the index of --vectors, which is missing.")
    if options.out and options.out.suffix.lower() != ".json":
        raise ValueError(f"--out is {options.out.name}; --recall writes a .json file.")
    if options.galaxy or options.whitened:
        raise ValueError("--recall draws galaxies itself; leave out --galaxy and --whitened.")
    store = open_store(options.vectors)
    if len(store) < FEWEST:
        raise ValueError(
            f"{store.path.name} has {len(store)} galaxies; an index needs at least {FEWEST}."
        )
    index = open_index(store, progress=sys.stderr.isatty())
    found = measure_recall(index, options.recall)
    median, late = np.percentile(found.milliseconds, [50, 95])
    print(
        f"{len(store):,} vectors of width {store.width}: recall@{found.k} {found.recall:.4f} over "
        f"{found.sample:,} galaxies (seed {found.seed}); one query {median:.2f} ms, 95 % within "
        f"{late:.2f} ms"
    )
    if options.out:
        facts = {
            "vectors": len(store),
            "width": store.width,
            "k": found.k,
            "recall": found.recall,
            "sample": found.sample,
            "seed": found.seed,
            "query_ms_median": float(median),
            "query_ms_p95": float(late),
        }
        write_json(options.out, store_provenance(store, **facts))
    return 0

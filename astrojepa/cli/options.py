"""Shared by the sub-commands: their declaration, galaxies, model and tables."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from astrojepa.tables import WRITERS, Column, check_table

if TYPE_CHECKING:
    import numpy as np

    from astrojepa.checkpoints.model import Model
    from astrojepa.data.dataset import Dataset
    from astrojepa.evaluation.vectors.store import Store
    from astrojepa.evaluation.vectors.stored import Stored
    from astrojepa.types import Embeddings

TABLE_FILE = f"table file: {', '.join(WRITERS)}"


def declare(
    commands: Any,
    name: str,
    run: Callable[[argparse.Namespace], int],
    help: str,
    example: str,
    model: bool = True,
    stored: bool = False,
) -> argparse.ArgumentParser:
    """Add a sub-command with a `model` and galaxies, or with `stored` vectors in its place."""
    made: argparse.ArgumentParser = commands.add_parser(
        name, help=help, description=help, epilog=f"example: astrojepa {name} {example}"
    )
    made.set_defaults(run=run)
    if model:
        made.add_argument(
            "model",
            nargs="?" if stored else None,
            help="model: id, alias, run folder or file; best; random (random weights); or "
            "timm:NAME[@FILE], a network of timm",
        )
        add_data(made)
    if stored:
        add_vectors(made, "in place of the model; with --data, matched to the galaxies by id")
    return made


def add_switch(parser: argparse.ArgumentParser, flag: str, help: str) -> None:
    """Declare a flag that takes no value."""
    parser.add_argument(flag, action="store_true", help=help)


def add_value(
    parser: argparse.ArgumentParser, flag: str, default: int | float | str, help: str
) -> None:
    """Declare a flag of one value, of the kind of its default, with which its help ends."""
    shown = f"{default:g}" if isinstance(default, float) else default
    parser.add_argument(flag, type=type(default), default=default, help=f"{help} (default {shown})")


def add_vectors(
    parser: argparse.ArgumentParser, use: str, files: str = "any .npz or Parquet file"
) -> None:
    parser.add_argument(
        "--vectors",
        type=Path,
        metavar="FILE",
        help=f"vectors {use}: output of embed, or {files} with object_id and vector",
    )


def add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data",
        default="",
        help="HDF5 file, image folder, Parquet or Arrow file, or simulated[:COUNT]",
    )
    parser.add_argument(
        "--where",
        action="append",
        metavar="COLUMN=VALUE",
        help="keep only matching rows of labels.csv; repeatable",
    )
    parser.add_argument("--label-column", default="", help="column of labels.csv with the class")
    parser.add_argument(
        "--bands",
        nargs="+",
        default=(),
        metavar="BAND",
        help="bands of flux, for a model that was trained on them, e.g. g r z",
    )
    add_switch(parser, "--skip-corrupt", "leave out unreadable images and list them")


def json_file(text: str) -> Path:
    """Read the name of a JSON file to write; another ending would say what the file is not."""
    if Path(text).suffix.lower() != ".json":
        raise argparse.ArgumentTypeError(
            f"{text} is written as JSON; name a file that ends in .json"
        )
    return Path(text)


def add_device(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", default="", help="cpu or cuda (default: cuda if there is one)")


def add_passes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--passes",
        type=int,
        help="passes over orientations and crop sizes (default: all of the model's; 1 is fastest)",
    )


def add_benchmark(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--benchmark",
        choices=("B1", "B2"),
        help="B1: Galaxy Zoo 1 morphology (source gz1-balanced); B2: EFIGI Hubble type (source "
        "efigi); both with the split column",
    )
    parser.add_argument(
        "--split",
        default="",
        help="split: column, grouped or seed42 (default: column if there is one, else grouped)",
    )


def add_thinning(parser: argparse.ArgumentParser) -> None:
    add_value(
        parser, "--fraction", 0.02, "fraction of the galaxies that the thinned class makes up"
    )
    add_value(parser, "--draws", 100, "number of random draws")


def fill_benchmark(options: argparse.Namespace) -> None:
    """Set what --benchmark fixes; ValueError for flags that contradict it."""
    from astrojepa.evaluation.reports.benchmark import BENCHMARKS

    if options.benchmark:
        if options.where or options.label_column or options.split:
            raise ValueError(
                f"--benchmark {options.benchmark} fixes galaxies, labels and split; leave out "
                f"--where, --label-column and --split."
            )
        fixed = BENCHMARKS[options.benchmark]
        options.where = list(fixed.where)
        options.label_column = fixed.label_column
        options.split = fixed.split


def open_data(options: argparse.Namespace, heard: bool = True) -> Dataset:
    from astrojepa.data import find_data, open_dataset

    source = find_data(options.data)
    data = open_dataset(
        source,
        where=options.where,
        label_column=options.label_column or None,
        skip_corrupt=options.skip_corrupt,
        bands=options.bands,
        progress=heard and sys.stderr.isatty(),
    )
    if data.simulated and heard:
        print("These galaxies are SIMULATED.", file=sys.stderr)
    for name in data.skipped if heard else ():
        print(f"Left out (unreadable): {name}", file=sys.stderr)
    for note in data.notes if heard else ():
        print(f"Note: {note}", file=sys.stderr)
    return data


def check_source(options: argparse.Namespace) -> None:
    """Raise ValueError unless there is a model or --vectors, and not both."""
    if bool(options.model) == bool(options.vectors):
        raise ValueError(
            f"The model is {options.model or 'missing'} and --vectors is "
            f"{options.vectors or 'missing'}; give one of them."
        )
    if options.vectors and options.where and not options.data:
        raise ValueError("--where chooses from the rows of --data; give both, or neither.")
    out = getattr(options, "out", None) or getattr(options, "output", None)
    given = options.vectors
    if given and out and out.exists() and given.exists() and out.samefile(given):
        raise ValueError(f"--out {out} is the file of --vectors itself; name another file.")


def open_stored(options: argparse.Namespace) -> tuple[Stored, Dataset, Embeddings]:
    """Return the vectors of --vectors and their galaxies, those of --data where that is given."""
    from astrojepa.evaluation.vectors.stored import open_vectors, with_images

    stored = open_vectors(options.vectors, "" if options.data else options.label_column)
    for note in stored.galaxies.notes:
        print(f"Note: {note}", file=sys.stderr)
    if not options.data:
        return stored, stored.galaxies, stored.embeddings
    whole = open_data(options)
    data, found = with_images(stored, whole)
    for note in data.notes[len(whole.notes) :]:
        print(f"Note: {note}", file=sys.stderr)
    return stored, data, found


def parquet_store(options: argparse.Namespace) -> Store | None:
    """Return the store of --vectors, unread; None where that is no Parquet or a file with a column
    for each number of a vector, or --data is given.
    """
    from astrojepa.evaluation.vectors.columns import numbered_columns
    from astrojepa.evaluation.vectors.store import open_store

    path = options.vectors
    if path is None or options.data:
        return None
    lists = path.is_dir() or (
        path.is_file() and path.suffix.lower() in (".parquet", ".pq") and not numbered_columns(path)
    )
    return open_store(path, options.label_column) if lists else None


def large_store(options: argparse.Namespace) -> Store | None:
    """Return the store of --vectors where it is too large to compare all its galaxies, and faiss is
    there to index them; None where the vectors are read into memory.
    """
    from astrojepa.evaluation.vectors.neighbour_index import INSTALL, LARGE, is_available

    store = parquet_store(options)
    if store is None or len(store) <= LARGE:
        return None
    if not is_available():
        print(
            f"Note: {len(store):,} vectors are read into memory and all compared; an index is "
            f"quicker: {INSTALL}",
            file=sys.stderr,
        )
        return None
    return store


def vectors(options: argparse.Namespace) -> tuple[Model | Stored, Dataset, Embeddings]:
    """Return what made the vectors, the galaxies, and the vectors: a model's, or --vectors."""
    import astrojepa as aj

    check_source(options)
    if options.vectors:
        return open_stored(options)
    data, model = open_data(options), aj.load_model(options.model)
    return model, data, aj.embed(model, data, progress=sys.stderr.isatty())


def check_output(path: Path, flag: str, *others: str) -> None:
    """Refuse a table of an unknown kind, or a new store that is there already: a folder."""
    if path.suffix:
        check_table(path, flag, *others)
    elif path.exists():
        raise FileExistsError(f"{path} exists already; name a new folder for the store.")


def asked_for(options: argparse.Namespace) -> dict[str, Any]:
    """Say which galaxies and labels a table of probes is about."""
    return {
        "benchmark": options.benchmark,
        "where": options.where or [],
        "label_column": options.label_column,
    }


def store_provenance(store: Store, **further: Any) -> dict[str, Any]:
    """`provenance` of what was made from a store."""
    import astrojepa as aj

    return {
        "creator": f"astrojepa {aj.__version__}",
        "vectors": store.path.name,
        "vectors_hash": store.hash,
        **{name: store.facts[name] for name in ("model", "model_hash") if name in store.facts},
        "simulated": store.facts.get("simulated") == "true",
        **further,
    }


def provenance(source: Model | Stored, data: Dataset, **further: Any) -> dict[str, Any]:
    """Say what a table was made from, as its metadata holds it."""
    import astrojepa as aj

    return {
        "creator": f"astrojepa {aj.__version__}",
        **source.origin,
        "data": data.name,
        "data_fingerprint": data.fingerprint,
        "simulated": data.simulated,
        **further,
    }


def places(data: Dataset, rows: Any = slice(None)) -> list[Column]:
    """Return the columns ra and dec, where positions are known; CSV files go without."""
    import numpy as np

    if not np.isfinite(data.ra).any():
        return []
    return _places(data.ra[rows], data.dec[rows])


def _places(ra: np.ndarray, dec: np.ndarray) -> list[Column]:
    return [
        Column("ra", ra, "right ascension, J2000", "deg", digits=0, in_csv=False),
        Column("dec", dec, "declination, J2000", "deg", digits=0, in_csv=False),
    ]


def store_columns(known: dict[str, np.ndarray]) -> list[Column]:
    """Return the columns label, and ra and dec where they are known, of rows of a store."""
    import numpy as np

    count = len(known["id"])
    labels = known.get("label", np.full(count, "")).astype(str)
    columns = [Column("label", labels, "class")]
    if {"ra", "dec"} <= known.keys() and known["ra"].dtype.kind == "f":
        columns += _places(known["ra"], known["dec"])
    return columns


def label(data: Dataset, row: int) -> str:
    return data.classes[data.labels[row]] if data.labels[row] >= 0 else ""


def row_of(data: Dataset, text: str) -> int:
    import numpy as np

    found = np.flatnonzero(data.ids.astype(str) == text)
    if len(found):
        return int(found[0])
    if text.isdecimal() and int(text) < len(data):
        return int(text)
    raise ValueError(
        f"{data.name} has no galaxy {text!r}; give an id such as {data.ids[0]}, or a row from 0 to "
        f"{len(data) - 1}."
    )


def print_rows(header: list[str], rows: list[list[Any]]) -> None:
    widths = [max(len(str(row[k])) for row in [header, *rows]) for k in range(len(header))]
    for row in [header, *rows]:
        cells = (str(cell).ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())


def print_columns(columns: list[Column], count: int | None = None) -> None:
    """Print the first `count` rows of a table as CSV would hold them."""
    shown = [column for column in columns if column.in_csv]
    cells = [["" if cell != cell else cell for cell in column.cells()[:count]] for column in shown]
    rows = zip(*cells, strict=True)
    print_rows([column.name for column in shown], [list(row) for row in rows])


def four_decimals(value: float) -> float | None:
    """Return a share as JSON holds it, None where it is not defined."""
    return round(float(value), 4) if math.isfinite(value) else None

"""`python -m astrojepa COMMAND`: one function of the package each, from files to files."""

from __future__ import annotations

import argparse
import csv
import io
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from astrojepa.cache import atomic_write
from astrojepa.cli import choose_device, guarded
from astrojepa.runs import read_config, read_json, read_metrics, write_csv, write_json

if TYPE_CHECKING:
    from astrojepa.data.dataset import Dataset
    from astrojepa.types import Embeddings


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

    def add(name: str, run: Callable[[argparse.Namespace], int], help: str, example: str, model: bool = True) -> Any:
        made = commands.add_parser(name, help=help, description=help, epilog=f"example: python -m astrojepa {name} {example}")
        made.set_defaults(run=run)
        if model:
            made.add_argument("model", help="id, alias, run folder or file of a model; best; random")
            _add_data(made)
        return made

    embed = add("embed", _embed, "Write one vector per galaxy.", "best --data galaxies --out vectors")
    embed.add_argument(
        "--out",
        required=True,
        type=Path,
        help="folder for Parquet shards, one per process of torchrun --nproc_per_node=N -m astrojepa embed ...; "
        "started again, it continues where it was interrupted; or one .npz file with vectors, ids, labels, classes",
    )
    embed.add_argument("--device", default="", help="cpu or cuda (default: cuda if there is one)")
    probe = add(
        "probe", _probe, "Score linear and kNN probes beside the baselines.", "best --data galaxies --where source=gz1-balanced"
    )
    probe.add_argument("--split", default="", help="column, grouped or seed42 (default: column if there is one, else grouped)")
    probe.add_argument("--random-seeds", type=int, default=3, help="random-weight controls to average (default 3)")
    probe.add_argument("--out", type=Path, help="JSON file to write")
    strange = add("anomalies", _anomalies, "List the strangest galaxies first.", "best --data galaxies --top 25")
    strange.add_argument("--method", default="knn", help="knn, lof, mahalanobis or isolation (default knn)")
    strange.add_argument("--top", type=int, default=25, help="rows to print (default 25)")
    strange.add_argument("--out", type=Path, help="CSV file with every galaxy")
    project = add("project", _project, "Lay the galaxies out on a map.", "best --data galaxies --method umap --out map.csv")
    project.add_argument("--method", default="umap", help="pca, umap or tsne (default umap)")
    project.add_argument("--seed", type=int, default=0, help="decides the layout (default 0)")
    project.add_argument("--out", required=True, type=Path, help="CSV file: id, x, y, label")
    patches = add("patch-errors", _patch_errors, "Draw where a galaxy surprises the model.", "best --galaxy 7 --out heat.png")
    patches.add_argument("--galaxy", required=True, help="id or row number")
    patches.add_argument("--masks", default="tiling", help="tiling or random (default tiling)")
    patches.add_argument("--seed", type=int, default=0, help="decides random masks (default 0)")
    patches.add_argument("--out", required=True, type=Path, help="PNG file to write")
    export = add(
        "export", _export, "Release a run's weights with a card.", "runs/20260101-small.sigreg06 --id small.sigreg06", model=False
    )
    export.add_argument("model", metavar="RUN", help="run folder, or one of its .pt files")
    export.add_argument("--id", required=True, help="architecture.recipe")
    export.add_argument("--out", default="checkpoints", help="folder (default checkpoints)")
    export.add_argument("--description", default="", help="one sentence on what it was trained on")
    export.add_argument("--measured", type=Path, action="append", default=[], help="JSON of the probe command; may be repeated")
    metrics = add(
        "metrics", _metrics, "Turn a run's metrics into a table or TensorBoard events.", "RUN --csv metrics.csv", model=False
    )
    metrics.add_argument("run_folder", metavar="RUN", type=Path, help="run folder")
    metrics.add_argument("--csv", type=Path, help="CSV file to write, one row per line of metrics.jsonl")
    metrics.add_argument("--tensorboard", type=Path, metavar="DIR", help="folder for TensorBoard events")
    data = add("data", _data, "Say what is in a data set.", "--data galaxies", model=False)
    _add_data(data)
    return parser


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", default="", help="HDF5 file, image folder or simulated[:COUNT]")
    parser.add_argument("--where", action="append", metavar="COLUMN=VALUE", help="keep these rows of labels.csv; may be repeated")
    parser.add_argument("--label-column", default="", help="column of labels.csv that holds the class")
    parser.add_argument("--skip-corrupt", action="store_true", help="leave out pictures that cannot be read, and name them")


def _open(options: argparse.Namespace, heard: bool = True) -> Dataset:
    from astrojepa.data import find_data, open_dataset

    source = find_data(options.data)
    data = open_dataset(
        source,
        where=options.where,
        label_column=options.label_column or None,
        skip_corrupt=options.skip_corrupt,
        progress=heard and sys.stderr.isatty(),
    )
    if data.simulated and heard:
        print("These galaxies are SIMULATED.", file=sys.stderr)
    for name in data.skipped if heard else ():
        print(f"Left out, cannot be read: {name}", file=sys.stderr)
    return data


def _vectors(options: argparse.Namespace, device: str = "cpu") -> tuple[Dataset, Embeddings]:
    import astrojepa as aj

    data = _open(options)
    return data, aj.embed(aj.load_model(options.model, device), data, progress=sys.stderr.isatty())


def _embed(options: argparse.Namespace) -> int:
    from astrojepa import distributed

    device = distributed.start(choose_device(options.device))
    try:
        return (_embed_file if options.out.suffix == ".npz" else _embed_folder)(options, str(device))
    finally:
        distributed.stop()


def _embed_file(options: argparse.Namespace, device: str) -> int:
    from astrojepa import distributed

    if distributed.world_size() > 1:
        raise ValueError(
            f"{options.out} is one file and {distributed.world_size()} processes would write it; name a folder for their shards."
        )
    data, found = _vectors(options, device)
    with atomic_write(options.out) as stream:
        np.savez(stream, vectors=found.vectors, ids=found.ids.astype(str), labels=found.labels, classes=np.array(found.classes))
    print(f"{options.out}: {found.vectors.shape[0]} vectors of width {found.vectors.shape[1]} for {data.name}")
    return 0


def _embed_folder(options: argparse.Namespace, device: str) -> int:
    from astrojepa import distributed
    from astrojepa.checkpoint import load_model
    from astrojepa.evaluation.embed_shards import embed_shards

    model = load_model(options.model, device)
    with distributed.first_on_each_machine():  # the others find what it drew or hashed
        data = _open(options, heard=distributed.rank() == 0)
    run = embed_shards(model, data, options.out, progress=sys.stderr.isatty())
    if distributed.rank() == 0:
        if run.num_found:
            print(f"{run.num_found} of {run.num_blocks} blocks were there already")
        print(f"{options.out}: complete, {len(data)} vectors of width {model.width} for {data.name}, shards: {run.num_shards}")
    return 0


def _probe(options: argparse.Namespace) -> int:
    from astrojepa.checkpoint import load_model
    from astrojepa.evaluation.benchmark import probe_table

    table = probe_table(load_model(options.model), _open(options), options.split, options.random_seeds)
    for line in table["text"]:
        print(line)
    if options.out:
        facts = {"where": options.where or [], "label_column": options.label_column}
        write_json(options.out, facts | {key: value for key, value in table.items() if key != "text"})
    return 0


def _anomalies(options: argparse.Namespace) -> int:
    import astrojepa as aj

    data, found = _vectors(options)
    scores = aj.anomaly_scores(found, method=options.method)
    order = np.argsort(-scores, kind="stable")
    rows = [[rank, data.ids[i], f"{scores[i]:.6g}", _label(data, i)] for rank, i in enumerate(order, 1)]
    _print_rows(["rank", "id", "score", "label"], rows[: options.top])
    if options.out:
        _write_csv(options.out, ["rank", "id", "score", "label"], rows)
    return 0


def _project(options: argparse.Namespace) -> int:
    import astrojepa as aj

    data, found = _vectors(options)
    xy = aj.project(found, method=options.method, seed=options.seed, progress=sys.stderr.isatty())
    rows = [[data.ids[i], f"{x:.6g}", f"{y:.6g}", _label(data, i)] for i, (x, y) in enumerate(xy)]
    _write_csv(options.out, ["id", "x", "y", "label"], rows)
    print(f"{options.out}: {len(rows)} galaxies, {options.method}, seed {options.seed}")
    return 0


def _patch_errors(options: argparse.Namespace) -> int:
    import astrojepa as aj
    from astrojepa.data.transforms import centre_crop, resize_frame
    from astrojepa.plotting import colour_scale, encode_image, heatmap_overlay

    data, model = _open(options), aj.load_model(options.model)
    image = data[_row(data, options.galaxy)].image
    errors = aj.patch_errors(model, image, masks=options.masks, seed=options.seed)
    zoom = max(1, 448 // model.config.image.image_size)
    frame = resize_frame(image, model.config.image.frame_size * zoom)
    low, high = colour_scale(errors.mse)
    picture = heatmap_overlay(centre_crop(frame, model.config.image.image_size * zoom), errors.mse, low, high, 0.6)
    with atomic_write(options.out) as stream:
        stream.write(encode_image(picture, "png"))
    print(
        f"{options.out}: patch MSE from {np.nanmin(errors.mse):.3g} to {np.nanmax(errors.mse):.3g}, scale {low:.3g} to {high:.3g}"
    )
    return 0


def _export(options: argparse.Namespace) -> int:
    from astrojepa.checkpoint import load_model, save_released
    from astrojepa.presets import ALIASES

    model = load_model(options.model)
    card = {**model.card, "id": options.id, "alias": {value: key for key, value in ALIASES.items()}.get(options.id)}
    if options.description:
        card["description"] = options.description
    card["measured"] = [read_json(path) for path in options.measured]
    folder = Path(options.model)
    card["curve"] = [row for row in read_metrics(folder if folder.is_dir() else folder.parent) if "effective_rank" in row][-500:]
    path = save_released(model, options.out, card)
    print(f"{path}: {path.stat().st_size:,} bytes; card in {path.with_suffix('.json').name}")
    return 0


def _metrics(options: argparse.Namespace) -> int:
    read_config(options.run_folder)  # refuses what is no run folder
    rows = read_metrics(options.run_folder)
    if not rows or not (options.csv or options.tensorboard):
        found = "has no metrics yet" if not rows else "can be written as --csv FILE or --tensorboard DIR; give one"
        raise ValueError(f"{options.run_folder} {found}.")
    if options.csv:
        write_csv(rows, options.csv)
    if options.tensorboard:
        from astrojepa.training.tensorboard import write_tensorboard

        write_tensorboard(rows, options.tensorboard)
    print(
        f"{len(rows)} rows up to step {rows[-1]['step']:,}: {', '.join(str(x) for x in (options.csv, options.tensorboard) if x)}"
    )
    return 0


def _data(options: argparse.Namespace) -> int:
    data = _open(options)
    print(f"{data.name}: {len(data):,} galaxies, {int((data.labels >= 0).sum()):,} labelled, fingerprint {data.fingerprint}")
    for index, name in enumerate(data.classes):
        print(f"  {name:30s} {int((data.labels == index).sum()):6,}")
    if data.split_column is not None:
        for name in np.unique(data.split_column):
            print(f"  split {name:24s} {int((data.split_column == name).sum()):6,}")
    return 0


def _label(data: Dataset, row: int) -> str:
    return data.classes[data.labels[row]] if data.labels[row] >= 0 else ""


def _row(data: Dataset, text: str) -> int:
    found = np.flatnonzero(data.ids.astype(str) == text)
    if len(found):
        return int(found[0])
    if text.isdecimal() and int(text) < len(data):
        return int(text)
    raise ValueError(f"{data.name} has no galaxy {text!r}; give an id such as {data.ids[0]}, or a row from 0 to {len(data) - 1}.")


def _print_rows(header: list[str], rows: list[list[Any]]) -> None:
    widths = [max(len(str(row[k])) for row in [header, *rows]) for k in range(len(header))]
    for row in [header, *rows]:
        print("  ".join(str(cell).ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _write_csv(path: Path, header: list[str], rows: list[list[Any]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows(rows)
    with atomic_write(path) as stream:
        stream.write(text.getvalue().encode())

"""project: galaxies on a map, how far it can be trusted, and others placed on it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from astrojepa.cli.options import (
    TABLE_FILE,
    declare,
    four_decimals,
    label,
    open_data,
    places,
    provenance,
    vectors,
)
from astrojepa.files import write_json
from astrojepa.tables import Column, check_table, write_table

if TYPE_CHECKING:
    import numpy as np

    from astrojepa.types import Embeddings


def add_to(commands: Any) -> None:
    """Declare the commands of this file."""
    project = declare(
        commands,
        "project",
        _project,
        "Project embeddings to a 2-D map.",
        "best --data galaxies --method umap --out map.csv --trust trust.json",
        stored=True,
    )
    project.add_argument("--method", default="umap", help="pca, umap or tsne (default umap)")
    project.add_argument(
        "--seed", type=int, default=0, help="random seed of the layout (default 0)"
    )
    project.add_argument(
        "--place",
        default="",
        metavar="DATA",
        help="place these galaxies on the map of --data instead",
    )
    project.add_argument(
        "--trust",
        type=Path,
        metavar="FILE",
        help="JSON file for the projection reliability and the parameters",
    )
    project.add_argument("--out", required=True, type=Path, help=f"{TABLE_FILE}: id, x, y, label")


def _project(options: argparse.Namespace) -> int:
    import astrojepa as aj
    from astrojepa.evaluation.maps.placement import place

    check_table(options.out, "--out")
    if options.vectors and options.place:
        raise ValueError("--place needs a model, which embeds its galaxies; leave out --vectors.")
    source, data, found = vectors(options)
    xy = aj.project(found, method=options.method, seed=options.seed, progress=sys.stderr.isatty())
    said = f"{options.method}, seed {options.seed}"
    if options.trust:
        trust = _trust(found, xy, options.method, options.seed)
        write_json(options.trust, trust)
        said += (
            f"; trustworthiness {trust['trustworthiness']}, neighbours kept "
            f"{trust['neighbours_kept']}, k = {trust['k']}"
        )
    if options.place:
        others = argparse.Namespace(**vars(options) | {"data": options.place, "where": None})
        data = open_data(others)
        new = aj.embed(aj.load_model(options.model), data, progress=sys.stderr.isatty())
        said += f"; placed among {len(found)}"
        xy = place(new, found, xy, options.method)
    columns = [
        Column("id", data.ids, "name of the galaxy"),
        Column("x", xy[:, 0], "first coordinate of the map, without unit"),
        Column("y", xy[:, 1], "second coordinate of the map, without unit"),
        Column("label", [label(data, row) for row in range(len(data))], "class"),
        *places(data),
    ]
    write_table(
        options.out,
        columns,
        provenance(source, data, method=options.method, seed=options.seed),
    )
    print(f"{options.out}: {len(data)} galaxies, {said}")
    return 0


def _trust(embeddings: Embeddings, xy: np.ndarray, method: str, seed: int) -> dict[str, Any]:
    """Return the trust numbers beside the map's parameters; None where one is not defined."""
    from astrojepa.evaluation.maps.map_quality import map_trust
    from astrojepa.evaluation.maps.projection import map_recipe

    trust = map_trust(embeddings, xy)
    numbers = {
        "trustworthiness": trust.trustworthiness,
        "neighbours_kept": trust.mean_preservation,
        "knn_accuracy_on_map": trust.accuracy,
        "knn_accuracy_by_features": trust.feature_accuracy,
        "majority": trust.majority,
    }
    return {
        **{name: four_decimals(value) for name, value in numbers.items()},
        "k": trust.k,
        "galaxies": trust.num_galaxies,
        "labelled": trust.num_labelled,
        "trustworthiness_over": {"galaxies": trust.sample, "seed": trust.seed},
        "map": map_recipe(embeddings, method, seed),
        "model": embeddings.model_hash,
        "data": embeddings.data_hash,
    }

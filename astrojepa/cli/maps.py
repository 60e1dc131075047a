"""project: galaxies on a map, how far it can be trusted, and others placed on it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from astrojepa.cli.options import (
    TABLE_FILE,
    add_switch,
    add_value,
    check_output,
    check_source,
    declare,
    four_decimals,
    json_file,
    label,
    open_data,
    parquet_store,
    places,
    provenance,
    store_columns,
    store_provenance,
    vectors,
)
from astrojepa.files import write_json
from astrojepa.tables import Column, check_table, write_table

if TYPE_CHECKING:
    import numpy as np

    from astrojepa.evaluation.maps.map_quality import MapTrust
    from astrojepa.evaluation.vectors.store import Store
    from astrojepa.types import Embeddings

BESIDE = (
    "--beside adds a map to a store that has one: give --vectors with columns x and y, and --out "
    "with the name of a new folder."
)


def add_to(commands: Any) -> None:
    """Declare the commands of this file."""
    help = "Project embeddings to a 2-D map."
    example = "best --data galaxies --method umap --out map.csv --trust trust.json"
    project = declare(commands, "project", _project, help, example, stored=True)
    add_value(project, "--method", "umap", "pca, umap or tsne")
    add_value(project, "--seed", 0, "random seed of the layout")
    project.add_argument(
        "--place",
        default="",
        metavar="DATA",
        help="write these galaxies, placed on the map of --data, instead of those of --data",
    )
    project.add_argument(
        "--trust",
        type=json_file,
        metavar="FILE",
        help="JSON file for the projection reliability and the parameters",
    )
    project.add_argument(
        "--fit",
        type=int,
        metavar="COUNT",
        help="with --vectors: fit the map to COUNT galaxies and place the others on it (default: "
        "20,000 if there are more than 200,000, else all; for a new folder at most half)",
    )
    add_switch(
        project,
        "--beside",
        "for a new folder: keep the old map (x, y) and order, and add the new map as columns "
        "such as x_tsne and y_tsne",
    )
    project.add_argument(
        "--out",
        required=True,
        type=Path,
        help=f"{TABLE_FILE}: id, x, y, label; or, for vectors in Parquet files, a new folder with "
        "all their columns, x and y, sorted along a space-filling curve on the map",
    )


def _project(options: argparse.Namespace) -> int:
    import astrojepa as aj
    from astrojepa.evaluation.maps.placement import place

    if options.vectors and options.place:
        raise ValueError("--place needs a model, which embeds its galaxies; leave out --vectors.")
    check_source(options)
    if (store := _store_to_fit(options)) is not None:
        return _project_store(options, store)
    if options.beside:
        raise ValueError(BESIDE)
    check_table(options.out, "--out")
    source, data, found = vectors(options)
    xy = aj.project(found, method=options.method, seed=options.seed, progress=sys.stderr.isatty())
    said = f"{options.method}, seed {options.seed}"
    if options.trust:
        trust = _trust(found, xy, options.method, options.seed)
        write_json(options.trust, trust)
        said += f"; {_in_words(trust)}"
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
        options.out, columns, provenance(source, data, method=options.method, seed=options.seed)
    )
    print(f"{options.out}: {len(data)} galaxies, {said}")
    return 0


def _store_to_fit(options: argparse.Namespace) -> Store | None:
    """Return the store whose map is fitted to some of its galaxies; None where it is to all."""
    from astrojepa.evaluation.vectors.neighbour_index import LARGE

    store = parquet_store(options)
    if store is None and options.fit is not None:
        raise ValueError("--fit needs --vectors of Parquet files, and no --data.")
    if store is None or options.fit is not None or not options.out.suffix or len(store) > LARGE:
        return store
    return None


def _project_store(options: argparse.Namespace, store: Store) -> int:
    """Fit a map to some galaxies of a store and place the others."""
    import numpy as np

    from astrojepa.evaluation.maps.large_map import method_of
    from astrojepa.evaluation.maps.store_map import FIT, project_store, write_map

    folder = not options.out.suffix
    if options.beside and not (folder and {"x", "y"} <= set(store.names)):
        raise ValueError(BESIDE)
    if options.beside and method_of(store) == options.method:
        raise ValueError(
            f"The map that {options.vectors} has, x and y, is of --method {options.method} too; "
            "add one of another method, or leave out --beside to make it anew."
        )
    check_output(options.out, "--out")
    fit = min(FIT, len(store) // 2) if options.fit is None else options.fit
    heard = sys.stderr.isatty()
    made = project_store(store, options.method, options.seed, fit=fit, progress=heard)
    trust = {"fitted": _numbers(made.fitted), "placed": _numbers(made.placed)}
    facts = store_provenance(store)
    if options.trust:
        write_json(options.trust, {**trust, "map": made.recipe, **facts})
    if folder:
        creator = {"creator": facts["creator"]}
        write_map(store, made, options.out, creator, beside=options.beside, progress=heard)
    else:
        known = store.known_of(np.arange(len(store)))
        columns = [
            Column("id", known["id"].astype(str), "name of the galaxy"),
            Column("x", made.xy[:, 0], "first coordinate of the map, without unit"),
            Column("y", made.xy[:, 1], "second coordinate of the map, without unit"),
            *store_columns(known),
        ]
        how = {"method": options.method, "seed": options.seed, "fitted_to": fit}
        write_table(options.out, columns, facts | how)
    print(
        f"{options.out}: {len(store)} galaxies, {options.method}, seed {options.seed}, fitted to "
        f"{fit}: {_in_words(trust['fitted'])}; placed: {_in_words(trust['placed'])}"
    )
    return 0


def _trust(embeddings: Embeddings, xy: np.ndarray, method: str, seed: int) -> dict[str, Any]:
    """Return the trust numbers beside the map's parameters."""
    from astrojepa.evaluation.maps.map_quality import map_trust
    from astrojepa.evaluation.maps.projection import map_recipe

    return {
        **_numbers(map_trust(embeddings, xy)),
        "map": map_recipe(embeddings, method, seed),
        "model": embeddings.model_hash,
        "data": embeddings.data_hash,
    }


def _numbers(trust: MapTrust) -> dict[str, Any]:
    """Return the trust numbers, None where one is not defined."""
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
    }


def _in_words(trust: dict[str, Any]) -> str:
    return (
        f"trustworthiness {trust['trustworthiness']}, neighbours kept "
        f"{trust['neighbours_kept']}, k = {trust['k']}"
    )

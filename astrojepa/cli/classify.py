"""finetune and predict: a classifier from labelled galaxies, and what it says of others."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from astrojepa.cli.options import (
    TABLE_FILE,
    add_benchmark,
    add_data,
    add_device,
    add_passes,
    add_switch,
    add_value,
    add_vectors,
    declare,
    fill_benchmark,
    open_data,
    places,
    provenance,
)
from astrojepa.cli.train import choose_device
from astrojepa.tables import Column, check_table, write_table

if TYPE_CHECKING:
    from astrojepa.data.dataset import Dataset
    from astrojepa.evaluation.probes.classifier import Classifier
    from astrojepa.types import Embeddings, Predictions

COVERAGE = 0.9
TYPICALITY = "share of labelled galaxies, kept aside, that are at least as far from the known ones"


def add_to(commands: Any) -> None:
    """Declare the commands of this file."""
    help = "Fine-tune a model with a classifier on labelled galaxies, and save both."
    example = "best --data galaxies --label-column morphology --out mine.safetensors"
    tune = declare(commands, "finetune", _finetune, help, example)
    add_benchmark(tune)
    add_switch(
        tune, "--frozen", "keep the encoder fixed and fit only a linear probe, which takes minutes"
    )
    add_value(tune, "--epochs", 10, "passes over the labelled galaxies")
    add_value(tune, "--batch-size", 64, "galaxies per step")
    tune.add_argument(
        "--learning-rate",
        type=float,
        default=1e-4,
        help="learning rate of the encoder; the classifier's is 10 times as large (default 1e-4)",
    )
    add_value(tune, "--seed", 0, "random seed")
    add_passes(tune)
    add_device(tune)
    tune.add_argument(
        "--out", type=Path, required=True, help="file NAME.safetensors, with its card NAME.json"
    )
    help = "Predict class probabilities of new galaxies."
    example = "mine.safetensors --data my_galaxies --out classes.csv"
    predict = declare(commands, "predict", _predict, help, example, model=False)
    predict.add_argument(
        "classifier",
        help="classifier: a file that finetune wrote, or a probe downloaded from the Probe lab",
    )
    add_data(predict)
    add_vectors(predict, "of the same model, in place of images")
    predict.add_argument(
        "--coverage",
        type=float,
        default=COVERAGE,
        help=f"probability that a galaxy's set contains its class (default {COVERAGE})",
    )
    add_device(predict)
    predict.add_argument("--out", type=Path, required=True, help=f"{TABLE_FILE}; a row per galaxy")


def _finetune(options: argparse.Namespace) -> int:
    import astrojepa as aj
    from astrojepa.data.splits import default_split
    from astrojepa.evaluation.probes.classifier import check_path

    fill_benchmark(options)
    check_path(options.out)
    data = open_data(options)
    train, validation, test = (
        aj.split(data, options.split) if options.split else default_split(data)
    )
    model = aj.load_model(options.model, str(choose_device(options.device)))
    made = aj.finetune(
        model,
        train,
        validation,
        frozen=options.frozen,
        epochs=options.epochs,
        batch_size=options.batch_size,
        learning_rate=options.learning_rate,
        passes=options.passes,
        seed=options.seed,
        progress=sys.stderr.isatty(),
    )
    print(f"{made.probe.setting}, temperature {made.probe.temperature:.2f}")
    facts: dict[str, Any] = {"labels": train.name, "labels_hash": train.fingerprint}
    if (test.labels >= 0).any():
        facts["scored"] = _scored(made, test)
    path = made.save(options.out, facts)
    print(f"{path}: {path.stat().st_size:,} bytes; card in {path.with_suffix('.json').name}")
    return 0


def _scored(made: Classifier, test: Dataset) -> dict[str, Any]:
    """Print and return what the classifier reaches on the test galaxies."""
    import numpy as np

    from astrojepa.evaluation.probes.metrics import score

    known = test.subset(test.labels >= 0)
    asked = made.probe.most_coverage(COVERAGE)
    found = made.predict(known, asked, progress=sys.stderr.isatty())
    names = np.array(known.classes)[known.labels]
    place = {name: number for number, name in enumerate(found.classes)}
    truth = np.array([place.get(name, -1) for name in names])
    rows, setting = np.flatnonzero(truth >= 0), made.probe.setting
    result = score(found.classes, truth[rows], found.probabilities[rows], rows, 0, setting)
    covered, size = found.covered(names), float(found.sets.sum(axis=1).mean())
    low, high = result.interval
    print(
        f"{result.accuracy:.1%} of {len(rows)} test galaxies classified correctly (95 % interval "
        f"{low:.1%} to {high:.1%}); sets of {size:.2f} classes on average hold the true one in "
        f"{covered:.1%} (asked: {asked:.0%})"
    )
    return {
        "accuracy": result.accuracy,
        "interval": list(result.interval),
        "calibration_error": result.calibration_error,
        "num_test": len(rows),
        "coverage": {"asked": asked, "found": covered, "mean_size": size},
    }


def _predict(options: argparse.Namespace) -> int:
    import astrojepa as aj
    from astrojepa.evaluation.probes.typicality import unlike

    check_table(options.out, "--out")
    if options.vectors and (options.data or options.where or options.label_column):
        raise ValueError("--vectors replaces --data; leave out --data and its companions.")
    made = aj.load_classifier(options.classifier, str(choose_device(options.device)))
    galaxies: Dataset | Embeddings
    further: dict[str, Any] = {"coverage": options.coverage}
    if options.vectors:
        from astrojepa.evaluation.vectors.stored import open_vectors

        stored = open_vectors(options.vectors)
        data, galaxies = stored.galaxies, stored.embeddings
        further |= {"vectors": stored.name, "vectors_hash": stored.hash}
    else:
        data = galaxies = open_data(options)
    found = made.predict(galaxies, options.coverage, progress=sys.stderr.isatty())
    columns = [*_columns(found), *places(data)]
    write_table(options.out, columns, provenance(made.model, data, **further))
    print(
        f"{options.out}: {len(found):,} galaxies; sets of {found.sets.sum(axis=1).mean():.2f} "
        f"classes on average at a coverage of {options.coverage:g}"
    )
    print(unlike(found.typicality, len(made.probe.distances))[0])
    return 0


def _columns(found: Predictions) -> list[Column]:
    import numpy as np

    names, rows = np.array(found.classes), np.arange(len(found))
    sets = [" | ".join(names[chosen]) for chosen in found.sets]
    return [
        Column("id", found.ids, "name of the galaxy"),
        Column("class", names[found.labels], "most probable class"),
        Column("confidence", found.probabilities[rows, found.labels], "its probability"),
        Column("entropy", found.entropy, "entropy of the probabilities, nats; 0 = sure"),
        Column("set", sets, f"classes that hold the true one with probability {found.coverage:g}"),
        *(
            Column(f"p {name}", found.probabilities[:, place], f"probability of {name}")
            for place, name in enumerate(found.classes)
        ),
        Column("typicality", found.typicality, TYPICALITY),
    ]

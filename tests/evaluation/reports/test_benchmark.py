"""The table of a benchmark: everything once, beside its baselines, on one split; the second time
from the cache.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from astrojepa.cli import main
from astrojepa.data import open_dataset
from astrojepa.data.dataset import Dataset
from astrojepa.data.splits import default_split
from astrojepa.evaluation.baselines import vectors as baselines
from astrojepa.evaluation.baselines.vectors import BOTH, HAND_MADE, encoded
from astrojepa.evaluation.reports.benchmark import probe_table
from astrojepa.evaluation.reports.benchmark_text import benchmark_lines
from astrojepa.evaluation.vectors import embed


@pytest.fixture
def model(make_stand_in: Callable[..., Any]) -> Any:
    """A stand-in whose random controls are stand-ins too, of other hashes, in the order asked
    for.
    """
    made = make_stand_in()
    made.controls = [make_stand_in() for _ in range(3)]
    for number, control in enumerate(made.controls):
        control.hash = f"rand0m{number}"
    made.randomised = lambda seed: made.controls[seed]
    return made


@pytest.fixture
def data(galaxy_folder: Path) -> Dataset:
    return open_dataset(str(galaxy_folder))


@pytest.mark.slow
def test_the_baselines_hold_the_same_galaxies_and_the_second_time_nothing_is_computed(
    model: Any, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = default_split(data)
    first = encoded(model, parts)
    assert list(first) == [
        "encoder",
        *HAND_MADE,
        "pixel PCA-64",
        *(f"random weights {seed}" for seed in range(3)),
    ]
    for name, vectors in first.items():
        for own, part in zip((vectors.train, vectors.validation, vectors.test), parts, strict=True):
            assert own is not None
            assert own.ids.tolist() == part.ids.tolist(), name

    def refuse(*_: Any) -> Any:
        raise AssertionError("computed again")

    for loaded in (model, *model.controls):
        monkeypatch.setattr(loaded, "encode", refuse)
    monkeypatch.setattr(embed, "_centre", refuse)
    monkeypatch.setattr(embed.measuring, "shape_statistics", refuse)
    again = encoded(model, parts)
    for name, vectors in first.items():
        np.testing.assert_array_equal(vectors.test.vectors, again[name].test.vectors, name)
        np.testing.assert_array_equal(vectors.train.vectors, again[name].train.vectors, name)


def test_other_galaxies_are_not_taken_from_the_cache(data: Dataset) -> None:
    train, _, test = default_split(data)
    first, other = (
        embed.pixel_pca(train, test)[1],
        embed.pixel_pca(train.subset(np.arange(90)), test)[1],
    )
    assert (first.vectors[:, :10] != other.vectors[:, :10]).any(), "fitted on other galaxies"
    assert len(embed.summary_statistics(test)) == 16
    assert len(embed.summary_statistics(test.subset(np.arange(5)))) == 5


def test_an_empty_validation_part_is_no_obstacle(model: Any, data: Dataset) -> None:
    train, check, test = default_split(data)
    found = encoded(model, (train, check.subset([]), test), random_seeds=0)
    assert all(parts.validation is None and parts.chooser is None for parts in found.values())


def with_widths(data: Dataset) -> Dataset:
    """Add a number that the pictures show: their mean brightness."""
    return dataclasses.replace(
        data, table=data.table.assign(width=[data[row].image.mean() for row in range(len(data))])
    )


@pytest.mark.slow
def test_a_probe_without_galaxies_to_test_it_on_says_so(model: Any, data: Dataset) -> None:
    few = dataclasses.replace(data.subset(range(2)), split_column=np.array(["train", "train"]))
    with pytest.raises(
        ValueError, match="2 galaxies for training and 0 for testing; a probe needs"
    ):
        probe_table(model, few, "column")


@pytest.mark.slow
def test_everything_asked_for_stands_on_one_card_that_json_can_hold(
    model: Any, data: Dataset
) -> None:
    data = with_widths(data)
    card = probe_table(
        model, data, random_seeds=1, mlp=True, few_labels=True, controls=True, targets=("width",)
    )
    train, _, test = default_split(data)
    assert (card["train_hash"], card["test_hash"], card["split"]) == (
        train.id_hash,
        test.id_hash,
        "column",
    )
    row = card["rows"]["linear probe"]
    assert row["recalls"]["round"]["n"] == 8
    assert 0 <= row["calibration_error"] <= 1
    assert row["balanced_interval"][0] <= row["balanced_accuracy"] <= row["balanced_interval"][1]
    assert {"MLP", "pixel PCA-64, MLP", "majority", "random weights 0, 20-NN"} < set(card["rows"])
    assert list(card["few_labels"]) == ["encoder", *HAND_MADE, "pixel PCA-64", "random weights 0"]
    both = f"{BOTH}, "
    assert {both + "linear", both + "RBF-SVM", both + "20-NN, whitened", "20-NN, whitened"} < set(
        card["rows"]
    )
    assert [point["num_labels"] for point in card["few_labels"]["encoder"]] == [
        2,
        10,
        20,
        40,
        2,
        4,
        10,
        96,
    ]
    assert [row["name"] for row in card["controls"]["encoder"]] == [
        "brightness",
        "size",
        "random labels",
    ]
    assert card["regressions"]["width"]["mean"]["difference"][0] == pytest.approx(
        card["regressions"]["width"]["encoder"]["r2"] - card["regressions"]["width"]["mean"]["r2"]
    )
    text = card.pop("text")
    assert json.loads(json.dumps(card, allow_nan=False)) == card
    assert text == benchmark_lines(card)
    for word in (
        train.id_hash,
        test.id_hash,
        "calibration error",
        "recall, %",
        "10 per class",
        "random labels",
        "width, n 16",
    ):
        assert any(word in line for line in text), word


@pytest.mark.slow
def test_a_benchmark_fixes_galaxies_labels_and_split(
    galaxy_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = pd.read_csv(galaxy_folder / "labels.csv").rename(columns={"label": "hubble"})
    table["source"] = np.where(np.arange(128) % 3 > 0, "efigi", "elsewhere")
    table.to_csv(galaxy_folder / "labels.csv", index=False)
    arguments = [
        "probe",
        "random",
        "--data",
        str(galaxy_folder),
        "--benchmark",
        "B2",
        "--random-seeds",
        "0",
    ]
    assert main([*arguments, "--out", str(tmp_path / "B2.json")]) == 0
    card = json.loads((tmp_path / "B2.json").read_text())
    assert (card["benchmark"], card["where"], card["label_column"], card["split"]) == (
        "B2",
        ["source=efigi"],
        "hubble",
        "column",
    )
    assert card["num_train"] == 64
    assert main([*arguments, "--where", "source=efigi"]) == 2
    assert (
        "--benchmark B2 fixes galaxies, labels and split; leave out --where"
        in capsys.readouterr().err
    )


@pytest.mark.slow
def test_fine_tuning_and_catalogues_are_one_flag_each(
    galaxy_folder: Path, tmp_path: Path, tiny_flags: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    from astrojepa.cli.train import train_main

    assert train_main([*tiny_flags, "--epochs", "1", "--out", str(tmp_path / "run")]) == 0
    catalogue = tmp_path / "sizes.csv"
    catalogue.write_text("id,size\n" + "".join(f"g{row},{row % 7}\n" for row in range(0, 128, 2)))
    arguments = [
        "probe",
        str(tmp_path / "run"),
        "--data",
        str(galaxy_folder),
        "--random-seeds",
        "0",
    ]
    assert (
        main([*arguments, "--fine-tune", "1", "--regress", "size", "--catalogue", str(catalogue)])
        == 0
    )
    shown = capsys.readouterr().out
    for line in ("fine-tuned", "supervised ResNet-18", "size, n 8"):
        assert line in shown
    for wrong, message in (
        (["--catalogue", str(catalogue)], "needs --regress COLUMN"),
        (["--regress", "size"], "galaxies has no column 'size'"),
        (["--fine-tune", "-1"], "must not be negative"),
    ):
        assert main([*arguments, *wrong]) == 2
        assert message in capsys.readouterr().err


def test_parts_know_who_chooses(data: Dataset, model: Any) -> None:
    parts = encoded(model, default_split(data), random_seeds=0)["encoder"]
    assert parts.chooser is parts.validation
    assert baselines.Parts(parts.train, None, parts.test).chooser is None

"""project, patch-errors and compare: what they write, and what they refuse."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from astrojepa.cli import main


@pytest.fixture
def data(galaxy_folder: Path) -> list[str]:
    return ["--data", str(galaxy_folder), "--where", "split=test"]


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


def test_project_writes_how_far_the_map_can_be_trusted_and_how_it_was_made(
    data: list[str], tmp_path: Path
) -> None:
    trust = tmp_path / "trust.json"
    assert (
        main(
            [
                "project",
                "random",
                *data,
                "--method",
                "pca",
                "--out",
                str(tmp_path / "m.csv"),
                "--trust",
                str(trust),
            ]
        )
        == 0
    )
    found = json.loads(trust.read_text())
    assert found["map"] == {"method": "pca"}
    assert found["galaxies"] == found["labelled"] == 16
    assert 0 <= found["trustworthiness"] <= 1
    assert 0 <= found["knn_accuracy_on_map"] <= 1


@pytest.mark.slow
def test_project_places_others_on_the_map_of_the_data(
    data: list[str], galaxy_folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "m.csv"
    assert main(["project", "random", *data, "--method", "pca", "--out", str(out)]) == 0
    known = {row["id"]: (float(row["x"]), float(row["y"])) for row in table(out)}
    assert (
        main(
            [
                "project",
                "random",
                *data,
                "--method",
                "pca",
                "--place",
                str(galaxy_folder),
                "--out",
                str(out),
            ]
        )
        == 0
    )
    placed = {row["id"]: (float(row["x"]), float(row["y"])) for row in table(out)}
    assert len(placed) == 128
    np.testing.assert_allclose([placed[name] for name in known], list(known.values()), atol=1e-3)


@pytest.mark.slow
def test_patch_errors_of_all_galaxies_are_listed_the_most_surprising_first(
    data: list[str], tmp_path: Path
) -> None:
    out = tmp_path / "list.csv"
    assert main(["patch-errors", "random", *data, "--out", str(out)]) == 0
    rows = table(out)
    assert len(rows) == 16
    scores = [float(row["normalised"]) for row in rows]
    assert scores == sorted(scores, reverse=True)
    assert {row["label"] for row in rows} == {"round", "elongated"}


@pytest.mark.slow
@pytest.mark.parametrize("measure", ["mse", "normalised", "cosine"])
def test_patch_errors_draws_each_measure(data: list[str], tmp_path: Path, measure: str) -> None:
    out = tmp_path / "heat.png"
    assert (
        main(
            [
                "patch-errors",
                "random",
                *data,
                "--galaxy",
                "3",
                "--measure",
                measure,
                "--out",
                str(out),
            ]
        )
        == 0
    )
    assert out.read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_compare_writes_numbers_or_galaxies(
    data: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    numbers, galaxies = tmp_path / "c.json", tmp_path / "c.csv"
    models = ["compare", "random", "small.lejepa", *data, "--neighbours", "5"]
    assert main([*models, "--symmetries", "4", "--out", str(numbers)]) == 0
    found = json.loads(numbers.read_text())
    assert [model["id"] for model in found["models"]] == ["random:small.sigreg06", "small.lejepa"]
    assert found["k"] == 5
    assert 0 < found["mean_overlap"] < 1
    assert len(found["moved_most"]) == 10
    assert found["symmetries"]["galaxies"] == 4
    assert len(found["symmetries"]["models"]) == 2
    assert "nearest neighbours" in capsys.readouterr().out
    assert main([*models, "--out", str(galaxies)]) == 0
    overlaps = [float(row["overlap"]) for row in table(galaxies)]
    assert len(overlaps) == 16
    assert overlaps == sorted(overlaps)


def test_a_model_compared_with_itself_shares_everything(
    data: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", "random", "random", *data]) == 0
    assert "share 1.000 of their 10 nearest neighbours" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["compare", "random", "random", "--out", "c.txt"],
            "--out is c.txt; name a file that ends in .csv, .ecsv",
        ),
        (["compare", "random", "random", "--symmetries", "-1"], "--symmetries is -1"),
        (["compare", "random", "nope"], "There is no model 'nope'"),
        (
            ["patch-errors", "random", "--out", "all.png"],
            "Without --galaxy all are listed, and --out is all.png; name a file that ends in .csv",
        ),
        (
            ["patch-errors", "random", "--galaxy", "1", "--out", "one.csv"],
            "--out is one.csv, but one galaxy is drawn",
        ),
        (
            ["patch-errors", "random", "--masks", "random", "--out", "l.csv"],
            "lists of all galaxies use tiling",
        ),
    ],
)
def test_bad_requests_give_one_sentence(
    arguments: list[str], message: str, data: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, *data]) == 2
    assert message in capsys.readouterr().err

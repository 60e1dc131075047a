"""`python -m astrojepa anomalies`: the list and the leaderboard, on a small folder of pictures."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

import astrojepa as aj
from astrojepa.cli import main
from astrojepa.data import open_dataset
from astrojepa.evaluation.pictures.artefacts import ARTEFACTS


def read_csv(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


def test_the_list_is_that_of_the_scores_with_every_artefact(
    galaxy_folder: Path, tmp_path: Path, capsys
) -> None:
    few = ["--where", "split=test", "--score", "lof", "--k", "9", "--top", "4"]
    arguments = ["anomalies", "random", "--data", str(galaxy_folder), *few]
    assert main([*arguments, "--output", str(tmp_path / "a.csv")]) == 0
    shown = capsys.readouterr().out.strip().splitlines()
    assert len(shown) == 5
    assert shown[0].split() == ["rank", "id", "score", "label", "artefact"]
    data = open_dataset(str(galaxy_folder), where=["split=test"])
    expected = aj.anomaly_scores(aj.embed(aj.load_model("random"), data), method="lof", k=9)
    rows = read_csv(tmp_path / "a.csv")
    assert [row["id"] for row in rows] == data.ids[np.argsort(-expected, kind="stable")].tolist()
    np.testing.assert_allclose(
        [float(row["score"]) for row in rows], np.sort(expected)[::-1], rtol=1e-4
    )
    for row in rows:
        assert float(row["artefact"]) == max(float(row[kind]) for kind in ARTEFACTS)
    assert main([*arguments[:-2], "--output", str(tmp_path / "a.json")]) == 0
    facts = json.loads((tmp_path / "a.json").read_text())
    assert [galaxy["id"] for galaxy in facts["galaxies"]] == [row["id"] for row in rows]
    assert facts["score"] == "lof"
    assert facts["model_hash"]
    assert set(facts["spearman"]) == {"brightness", "S/N", "star count"}


@pytest.mark.slow
def test_the_leaderboard_has_a_table_for_the_chosen_class(
    galaxy_folder: Path, tmp_path: Path, capsys
) -> None:
    few = ["--where", "split=test", "--leaderboard", "--fraction", "0.2", "--draws", "1"]
    arguments = ["anomalies", "random", "--data", str(galaxy_folder), *few]
    assert main([*arguments, "--rare", "round", "--output", str(tmp_path / "b.json")]) == 0
    shown = capsys.readouterr()
    assert "## round thinned to 0.2 in galaxies" in shown.out
    assert "add them with --slow" in shown.err
    table = json.loads((tmp_path / "b.json").read_text())
    assert list(table["rare"]) == ["round"]
    assert table["draws"] == 1
    rows = table["rare"]["round"]["rows"]
    assert {row["score"] for row in rows} >= {
        "knn",
        "lof",
        "mahalanobis",
        "isolation",
        "prediction",
        "seed-formula",
    }
    assert all(0 < row["average_precision"][0] <= 1 for row in rows)
    assert main([*arguments, "--output", str(tmp_path / "b.csv")]) == 0
    lines = read_csv(tmp_path / "b.csv")
    assert {line["rare"] for line in lines} == {"elongated", "round"}
    same = next(line for line in lines if line["rare"] == "round")
    assert float(same["average_precision"]) == pytest.approx(
        rows[0]["average_precision"][0], rel=1e-4
    )
    assert (
        float(same["average_precision_low"])
        <= float(same["average_precision"])
        <= float(same["average_precision_high"])
    )


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--score", "norm"], "no anomaly score 'norm'; choose one of asymmetry-lof, knn"),
        (
            ["--output", "x.txt"],
            "--output is x.txt; name a file that ends in .csv, .ecsv, .vot, .xml, .fits, .parquet "
            "or .json.",
        ),
        (["--top", "0"], "--top is 0; it must be at least 1."),
        (["--k", "0"], "--k is 0"),
        (
            ["--leaderboard", "--rare", "comet"],
            "no class 'comet' to thin; choose one of elongated, round",
        ),
        (["--leaderboard", "--rare", "round", "--fraction", "0.9"], "choose at most 0."),
        (["--leaderboard", "--fraction", "0.9"], "No class of galaxies can be thinned"),
        (
            ["--leaderboard", "--rare", "round", "--draws", "0"],
            "--draws is 0; it must be at least 1.",
        ),
    ],
)
def test_bad_requests_give_one_sentence_and_exit_code_2(
    galaxy_folder: Path, capsys, flags: list[str], message: str
) -> None:
    assert main(["anomalies", "random", "--data", str(galaxy_folder), *flags]) == 2
    errors = capsys.readouterr().err
    assert message in errors
    assert "Traceback" not in errors

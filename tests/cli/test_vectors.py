"""Vectors from a file in place of a model: maps, anomalies, neighbours and probes."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from astropy.table import Table
from pyarrow import parquet

import astrojepa as aj
from astrojepa.cli import main
from astrojepa.types import Embeddings

COUNT = 90
IDS = [str(587722981741625344 + row) for row in range(COUNT)]
LABELS = np.arange(COUNT) % 3
CENTRES = np.eye(3, 8) * 4
VECTORS = (CENTRES[LABELS] + np.random.default_rng(1).normal(size=(COUNT, 8))).astype(np.float32)


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """Somebody's embeddings, with labels and positions."""
    path = tmp_path / "theirs.parquet"
    columns = {
        "object_id": [int(name) for name in IDS],
        "vector": pa.FixedSizeListArray.from_arrays(pa.array(VECTORS.ravel()), 8),
        "label": [("spiral", "round", "merger")[label] for label in LABELS],
        "ra": np.linspace(10, 20, COUNT),
        "dec": np.linspace(-60, 60, COUNT),
    }
    parquet.write_table(pa.table(columns), path)
    return path


@pytest.fixture
def embeddings() -> Embeddings:
    return Embeddings(VECTORS, np.full(COUNT, -1), np.array(IDS), ())


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


def test_project_makes_a_map_of_vectors(
    theirs: Path, embeddings: Embeddings, tmp_path: Path
) -> None:
    out = tmp_path / "map.fits"
    assert main(["project", "--vectors", str(theirs), "--method", "pca", "--out", str(out)]) == 0
    table = Table.read(out)
    assert table.colnames == ["id", "x", "y", "label", "ra", "dec"]
    assert table["id"].tolist() == IDS
    xy = aj.project(embeddings, method="pca")
    np.testing.assert_array_equal(np.column_stack([table["x"], table["y"]]), xy)
    assert str(table["ra"].unit) == "deg"
    np.testing.assert_array_equal(table["ra"], np.linspace(10, 20, COUNT))
    assert table.meta["VECTORS"] == "theirs.parquet"
    assert len(table.meta["VECTORS_HASH"]) == 16
    assert table.meta["METHOD"] == "pca"


def test_anomalies_of_vectors_are_ranked_by_scores_of_vectors(
    theirs: Path, embeddings: Embeddings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for flags, method in (([], "knn"), (["--score", "lof"], "lof")):
        out = tmp_path / "a.csv"
        arguments = ["anomalies", "--vectors", str(theirs), *flags, "--out", str(out)]
        assert main(arguments) == 0
        expected = aj.anomaly_scores(embeddings, method=method)
        order = np.argsort(-expected, kind="stable")
        found = rows(out)
        assert list(found[0]) == ["rank", "id", "score", "label"]
        assert [row["id"] for row in found] == [IDS[row] for row in order]
        np.testing.assert_allclose([float(row["score"]) for row in found], expected[order], 1e-5)
    assert "artefact" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("score", "needed"),
    [
        ("asymmetry", "a model and images"),
        ("prediction", "a model and images"),
        ("pixel-asymmetry", "a model and images"),
        ("pixel-pca-knn", "images"),
    ],
)
def test_a_score_that_vectors_cannot_give_names_those_they_can(
    theirs: Path, capsys: pytest.CaptureFixture[str], score: str, needed: str
) -> None:
    assert main(["anomalies", "--vectors", str(theirs), "--score", score]) == 2
    assert (
        f"The score {score} needs {needed}; of vectors alone there are knn, lof, mahalanobis, "
        "isolation" in capsys.readouterr().err
    )


@pytest.mark.slow
def test_the_leaderboard_of_vectors_says_what_is_not_in_it(
    theirs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "board.ecsv"
    flags = ["--leaderboard", "--rare", "merger", "--fraction", "0.1", "--draws", "2"]
    assert main(["anomalies", "--vectors", str(theirs), *flags, "--out", str(out)]) == 0
    shown = capsys.readouterr()
    assert "which need a model; baselines of the images, which need --data" in shown.err
    table = Table.read(out)
    assert set(table["score"]) == {"knn", "lof", "mahalanobis", "isolation"}
    assert set(table["vectors"]) == {"encoder"}
    assert table["average_precision"].description.startswith("average precision of the ranking")
    assert table.meta["fraction"] == 0.1


def test_neighbours_of_a_galaxy_are_those_of_the_library(
    theirs: Path, embeddings: Embeddings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "near.parquet"
    asked = ["--galaxy", IDS[7], "--galaxy", "12", "--k", "4"]
    assert main(["neighbours", "--vectors", str(theirs), *asked, "--out", str(out)]) == 0
    assert capsys.readouterr().out.splitlines()[0].split() == [
        *("galaxy", "rank", "id", "distance", "label")
    ]
    table = parquet.read_table(out)
    assert table["galaxy"].to_pylist() == [IDS[7]] * 4 + [IDS[12]] * 4
    assert table["rank"].to_pylist() == [1, 2, 3, 4] * 2
    near = aj.neighbours(embeddings, [7, 12], 4)
    assert table["id"].to_pylist() == [IDS[row] for row in near.indices.ravel()]
    np.testing.assert_array_equal(table["distance"].to_numpy(), near.distances.ravel())
    assert table.schema.metadata[b"k"] == b"4"
    assert table.schema.field("dec").metadata[b"unit"] == b"deg"


def test_neighbours_of_all_galaxies_are_listed_where_none_is_named(
    galaxy_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = ["--data", str(galaxy_folder), "--where", "split=test"]
    out = tmp_path / "near.csv"
    assert main(["neighbours", "random", *data, "--k", "5", "--out", str(out)]) == 0
    assert "and 20 further rows" in capsys.readouterr().out
    assert len(rows(out)) == 16 * 5
    assert main(["neighbours", "random", *data, "--galaxy", "nobody"]) == 2
    assert "has no galaxy 'nobody'" in capsys.readouterr().err


def test_a_probe_of_vectors_names_the_rows_that_need_images_or_a_model(
    theirs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "p.json"
    assert main(["probe", "--vectors", str(theirs), "--out", str(out)]) == 0
    assert (
        "not included, for want of images or a model: summary statistics, statistics of the crop, "
        "polar Fourier, statistics and polar Fourier, pixel PCA-64, ImageNet transfer, random "
        "weights" in capsys.readouterr().out
    )
    found = json.loads(out.read_text())
    assert list(found["rows"]) == ["linear probe", "20-NN", "20-NN, whitened", "majority"]
    assert found["split"] == "grouped, seed 42"
    assert found["vectors"] == "theirs.parquet"
    assert found["linear_probe_accuracy"] > 0.8
    for flag, message in (
        (["--controls"], "Controls of stored vectors cannot be computed: there is need of images"),
        (["--fine-tune", "1"], "Fine-tuning of stored vectors cannot be computed"),
    ):
        assert main(["probe", "--vectors", str(theirs), *flag]) == 2
        assert message in capsys.readouterr().err


@pytest.mark.slow
def test_vectors_stand_beside_the_baselines_of_the_images_of_the_same_ids(
    galaxy_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names, generator = [f"g{row}" for row in range(127, 3, -1)], np.random.default_rng(0)
    np.savez(tmp_path / "v.npz", object_id=names, vector=generator.normal(size=(124, 4)))
    given = ["--vectors", str(tmp_path / "v.npz"), "--data", str(galaxy_folder)]
    assert main(["probe", *given, "--out", str(tmp_path / "p.json")]) == 0
    shown = capsys.readouterr()
    assert "4 of 128 galaxies of galaxies have no vector in v.npz and are left out" in shown.err
    found = json.loads((tmp_path / "p.json").read_text())
    assert found["split"] == "column"
    assert (found["num_train"], found["num_test"]) == (92, 16)
    assert {"summary statistics, linear", "pixel PCA-64, linear"} <= found["rows"].keys()
    assert "random weights" in found["absent"]
    assert main(["anomalies", *given, "--score", "pixel-pca-knn", "--top", "2"]) == 0
    assert "artefact" in capsys.readouterr().out


def report_of(tmp_path: Path, *words: str) -> tuple[dict[str, Any], str]:
    command = ["report", "--map", "pca", "--draws", "2", "--fraction", "0.1", *words]
    assert main([*command, "--out", str(tmp_path / "r")]) == 0
    facts = json.loads((tmp_path / "r.json").read_text())
    return facts, (tmp_path / "r.html").read_text()


@pytest.mark.slow
def test_a_report_of_vectors_has_the_tables_of_a_model_and_says_what_is_left_out(
    theirs: Path, embeddings: Embeddings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    facts, page = report_of(tmp_path, "--vectors", str(theirs))
    assert facts["model"]["id"] == "theirs.parquet"
    assert facts["model"]["width"] == 8
    assert list(facts["probes"]["rows"]) == ["linear probe", "20-NN", "20-NN, whitened", "majority"]
    gauges = aj.collapse_gauges(VECTORS)
    assert facts["gauges"]["effective_rank"] == pytest.approx(gauges.effective_rank, rel=1e-5)
    scores = aj.anomaly_scores(embeddings)
    order = np.argsort(-scores, kind="stable")[:24]
    assert [galaxy["id"] for galaxy in facts["anomalies"]] == [IDS[row] for row in order]
    assert {row["score"] for row in facts["leaderboard"]["rows"]} >= {"knn", "lof", "isolation"}
    assert "need a model" in facts["patch_errors"]["absent"]
    said = " ".join(facts["left_out"])
    assert "patch errors, training curves and random weights, which need a model" in said
    assert "baselines of the images, which need images" in said
    assert all(sentence in page for sentence in facts["left_out"])
    assert "data:image/jpeg" not in page
    assert "By mean distance to the 20 nearest neighbours." in page
    assert said in " ".join(capsys.readouterr().out.split())


@pytest.mark.slow
def test_a_report_of_vectors_beside_their_images_shows_them_and_counts_the_galaxies_without(
    galaxy_folder: Path, tmp_path: Path
) -> None:
    data = aj.open_dataset(galaxy_folder)
    vectors = np.random.default_rng(0).normal(size=(len(data), 8)).astype(np.float32)
    np.savez(tmp_path / "v.npz", object_id=data.ids[4:], vector=vectors[4:])
    words = ["--vectors", str(tmp_path / "v.npz"), "--data", str(galaxy_folder)]
    facts, page = report_of(tmp_path, *words)
    note = "4 of 128 galaxies of galaxies have no vector in v.npz and are left out."
    assert facts["data"]["notes"][-1] == note
    assert note in page
    assert "pixel PCA-64, linear" in facts["probes"]["rows"]
    assert all("artefact" in galaxy for galaxy in facts["anomalies"])
    assert page.count("data:image/jpeg") == 24
    assert [sentence for sentence in facts["left_out"] if "images" in sentence] == []


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--card"], "--card needs a model; leave it out beside --vectors"),
        (["--fine-tune", "1"], "--fine-tune needs a model"),
        (["--controls"], "--controls needs images; give --data too"),
    ],
)
def test_a_report_of_vectors_refuses_what_needs_a_model_or_images(
    theirs: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    flags: list[str],
    message: str,
) -> None:
    command = ["report", "--vectors", str(theirs), "--out", str(tmp_path / "r"), *flags]
    assert main(command) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "r.json").exists()


@pytest.mark.parametrize("command", ["project", "anomalies", "neighbours", "probe", "report"])
def test_a_model_and_vectors_exclude_each_other(
    theirs: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    out: list[Any] = ["--out", "x.csv"] if command in ("project", "report") else []
    assert main([command, "best", "--vectors", str(theirs), *out]) == 2
    assert "The model is best and --vectors is" in capsys.readouterr().err
    assert main([command, *out]) == 2
    assert "The model is missing and --vectors is missing; give one" in capsys.readouterr().err
    assert main([command, "--vectors", str(theirs), "--where", "a=b", *out]) == 2
    assert "--where chooses from the rows of --data" in capsys.readouterr().err


def test_place_needs_a_model(theirs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["--vectors", str(theirs), "--place", "simulated", "--out", "m.csv"]
    assert main(["project", *given]) == 2
    assert "--place needs a model" in capsys.readouterr().err


def test_the_vectors_themselves_are_never_overwritten(
    theirs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = theirs.read_bytes()
    command = ["project", "--vectors", str(theirs), "--method", "pca", "--out", str(theirs)]
    assert main(command) == 2
    assert "is the file of --vectors itself; name another file" in capsys.readouterr().err
    assert theirs.read_bytes() == before


def test_vectors_in_a_column_for_each_number_are_read_by_every_command(
    theirs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wide = tmp_path / "wide.parquet"
    columns = {f"emb_{place}": VECTORS[:, place] for place in (7, 1, 2, 3, 4, 5, 6, 0)}
    parquet.write_table(pa.table({"object_id": IDS, **columns}), wide)
    commands = {"neighbours": ["--galaxy", IDS[3], "--k", "4"], "anomalies": []}
    commands["project"] = ["--method", "pca"]
    for command, more in commands.items():
        found = []
        for path in (theirs, wide):
            out = tmp_path / f"{command}-{path.stem}.csv"
            assert main([command, "--vectors", str(path), *more, "--out", str(out)]) == 0
            found.append([(row["id"], row.get("x"), row.get("y")) for row in rows(out)])
        assert found[0] == found[1], command
    spread = (VECTORS - VECTORS.mean(axis=0)) / VECTORS.std(axis=0)
    nearest = np.argsort(((spread - spread[3]) ** 2).sum(axis=1))[1:5]
    near = rows(tmp_path / "neighbours-wide.csv")
    assert [row["id"] for row in near] == [IDS[row] for row in nearest]
    capsys.readouterr()
    assert main(["select", "--vectors", str(wide), "--filter", "ra > 1"]) == 2
    assert "a store has them as lists in one column" in capsys.readouterr().err

"""A classifier is saved, read back and applied to galaxies it has not seen."""

from __future__ import annotations

import csv
import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from astropy.table import Table

import astrojepa as aj
from astrojepa.checkpoints.model import Model, load_model
from astrojepa.checkpoints.weights import build_network
from astrojepa.cli import main
from astrojepa.config import TrainConfig, replace
from astrojepa.data.dataset import Dataset
from astrojepa.evaluation.probes.classification import linear_probe
from astrojepa.evaluation.probes.classifier import finetune, load_classifier
from astrojepa.evaluation.probes.fine_tuning import fine_tune
from astrojepa.evaluation.probes.parts import stratified
from astrojepa.evaluation.probes.portable import fit_probe
from astrojepa.evaluation.vectors.embed import embed

Parts = tuple[Dataset, Dataset, Dataset]


@pytest.fixture
def model(tiny: TrainConfig) -> Model:
    """The tiny network with random weights, predictor and moving average included."""
    config = replace(tiny, seed=0)
    network = build_network(config, torch.device("cpu"), 0).eval()
    return dataclasses.replace(load_model("random"), network=network, config=config, hash="t1ny")


@pytest.fixture
def parts(galaxy_folder: Path) -> Parts:
    return aj.split(aj.open_dataset(str(galaxy_folder)), "column")


@pytest.mark.slow
@pytest.mark.parametrize("frozen", [True, False])
def test_a_classifier_read_back_predicts_the_same(
    frozen: bool, model: Model, parts: Parts, tmp_path: Path
) -> None:
    made = finetune(model, parts[0], parts[1], frozen=frozen, epochs=2, batch_size=16)
    before = made.predict(parts[2], coverage=0.8)
    path = made.save(tmp_path / "mine.safetensors")
    assert sorted(item.name for item in tmp_path.glob("mine*")) == ["mine.json", "mine.safetensors"]
    after = load_classifier(path).predict(parts[2], coverage=0.8)
    np.testing.assert_allclose(after.probabilities, before.probabilities, atol=1e-6)
    np.testing.assert_array_equal(after.sets, before.sets)
    np.testing.assert_allclose(before.probabilities.sum(axis=1), 1, atol=1e-5)
    assert (before.labels == parts[2].labels).mean() > 0.8
    again = load_model(path)
    assert not again.has_predictor
    np.testing.assert_allclose(
        embed(again, parts[2]).vectors, embed(made.model, parts[2]).vectors, atol=1e-6
    )


def test_a_frozen_classifier_is_the_linear_probe_with_a_temperature(
    model: Model, parts: Parts
) -> None:
    made = finetune(model, parts[0], parts[1], frozen=True)
    known, new = embed(model, parts[0]), embed(model, parts[2])
    halves, _ = stratified(parts[1].labels, 0, 0.5)
    expected = linear_probe(known, new, validation=embed(model, parts[1].subset(halves)))
    np.testing.assert_array_equal(made.predict(new, 0.8).labels, expected.predictions)
    assert made.model is model


def test_a_trained_classifier_reaches_what_the_fine_tuned_row_says(
    model: Model, parts: Parts
) -> None:
    made = finetune(model, parts[0], parts[1], epochs=2, batch_size=16)
    row = fine_tune(model, *parts, epochs=2, batch_size=16)
    assert made.probe.setting.endswith("of 2")
    found = made.predict(parts[2], 0.8)
    assert abs((found.labels == row.truth).mean() - row.accuracy) < 0.15
    assert made.model.hash != model.hash, "its vectors are not kept as another model's"


def test_vectors_are_taken_of_the_same_model_only(
    model: Model, parts: Parts, tmp_path: Path
) -> None:
    made = finetune(model, parts[0], parts[1], frozen=True)
    made = load_classifier(made.save(tmp_path / "mine.safetensors"))
    own, other = embed(model, parts[2]), embed(model.randomised(1), parts[2])
    assert len(made.predict(own, 0.8)) == 16
    with pytest.raises(ValueError, match=r"vectors of a model with hash .* reads those of t1ny or"):
        made.predict(other, 0.8)


@pytest.mark.slow
def test_a_probe_of_the_lab_names_galaxies_too(parts: Parts, tmp_path: Path) -> None:
    model = load_model("small.lejepa")
    known, check, new = (embed(model, part, passes=1) for part in parts)
    probe, result = fit_probe("linear", known, new)
    content = probe.calibrated(known, check, check).to_dict()
    content |= {"model": {"id": model.id, "hash": model.hash}}
    (tmp_path / "probe.json").write_text(json.dumps(content))
    made = load_classifier(tmp_path / "probe.json")
    np.testing.assert_array_equal(made.predict(new, 0.8).labels, result.predictions)
    (tmp_path / "probe.json").write_text(
        json.dumps(content | {"model": {"id": model.id, "hash": "other"}})
    )
    with pytest.raises(ValueError, match="with hash other, and the weights here have"):
        load_classifier(tmp_path / "probe.json")


@pytest.mark.parametrize("name", ["/etc/passwd", "../x.pth", "timm:vit@/x.pth", "hf://a/b", ""])
def test_a_probe_names_no_file_and_no_address(
    model: Model, parts: Parts, tmp_path: Path, name: str
) -> None:
    probe = finetune(model, parts[0], parts[1], frozen=True, passes=1).probe
    content = probe.to_dict() | {"model": {"id": name, "hash": model.hash}}
    (tmp_path / "probe.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match="which is no id; fit it again"):
        load_classifier(tmp_path / "probe.json")


def test_too_few_labels_are_refused(model: Model, parts: Parts) -> None:
    one = dataclasses.replace(parts[1], labels=np.where(np.arange(16) == 3, 0, -1))
    with pytest.raises(ValueError, match="1 validation galaxies have a label; two or more"):
        finetune(model, parts[0], one, frozen=True)
    with pytest.raises(ValueError, match="needs epochs >= 1"):
        finetune(model, parts[0], parts[1], epochs=0)


@pytest.mark.slow
def test_a_folder_is_labelled_on_the_command_line(
    galaxy_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine, table = tmp_path / "mine.safetensors", tmp_path / "classes.csv"
    data = ["--data", str(galaxy_folder)]
    assert main(["finetune", "random", *data, "--frozen", "--out", str(mine)]) == 0
    said = capsys.readouterr().out
    assert "of 16 test galaxies classified correctly" in said
    assert json.loads(mine.with_suffix(".json").read_text())["scored"]["num_test"] == 16
    arguments = ["predict", str(mine), *data, "--coverage", "0.8", "--out"]
    assert main([*arguments, str(table)]) == 0
    with table.open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 128
    assert all(0.11 < float(row["typicality"]) <= 1 for row in rows)
    assert list(rows[0]) == [
        "id",
        "class",
        "confidence",
        "entropy",
        "set",
        "p elongated",
        "p round",
        "typicality",
    ]
    for row in rows:
        shares = {name: float(row[f"p {name}"]) for name in ("elongated", "round")}
        assert row["class"] == max(shares, key=lambda name: shares[name])
        assert row["class"] in row["set"].split(" | ")

    vectors, same = tmp_path / "v.npz", tmp_path / "same.csv"
    assert main(["embed", str(mine), *data, "--out", str(vectors)]) == 0
    arguments = ["predict", str(mine), "--vectors", str(vectors), "--coverage", "0.8", "--out"]
    assert main([*arguments, str(same)]) == 0
    assert same.read_text() == table.read_text()
    assert main([*arguments, str(tmp_path / "same.fits")]) == 0
    found = Table.read(tmp_path / "same.fits")
    assert found.colnames == list(rows[0])
    assert [str(name) for name in found["id"]] == [row["id"] for row in rows]
    np.testing.assert_allclose(found["p round"], [float(row["p round"]) for row in rows], 1e-5)
    assert found.meta["MODEL"] == "mine"
    assert found.meta["VECTORS"] == "v.npz"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["predict", "small.lejepa", "--out", "t.csv"], "holds a model without a classifier"),
        (["predict", "nowhere.safetensors", "--out", "t.csv"], "There is no model"),
        (["predict", "small.lejepa", "--out", "t.txt"], "name a file that ends in .csv"),
        (["predict", "x", "--vectors", "v", "--data", "d", "--out", "t.csv"], "leave out --data"),
        (["finetune", "random", "--frozen", "--out", "mine.pt"], "such as mine.safetensors"),
    ],
)
def test_wrong_commands_give_one_sentence_and_exit_code_2(
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") <= 2


def test_damaged_classifiers_and_vectors_are_refused(
    model: Model, parts: Parts, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = finetune(model, parts[0], parts[1], frozen=True).save(tmp_path / "mine.safetensors")
    card = json.loads(path.with_suffix(".json").read_text())
    for name, value in (("temperature", -1), ("scores", [2, 1]), ("passes", "all"), ("layers", [])):
        changed = card | {"classifier": card["classifier"] | {name: value}}
        path.with_suffix(".json").write_text(json.dumps(changed))
        with pytest.raises(ValueError, match=r"export it again|make it again"):
            load_classifier(path)
    path.with_suffix(".json").write_text(json.dumps(card))
    (tmp_path / "v.npz").write_bytes(b"PK not an archive")
    arguments = ["predict", str(path), "--vectors", str(tmp_path / "v.npz"), "--out", "t.csv"]
    assert main(arguments) == 2
    assert "holds no vectors that can be read" in capsys.readouterr().err

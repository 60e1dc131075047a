"""What goes into a bundle, and that a host computes nothing of it anew."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import astrojepa as aj
from astrojepa import cache
from astrojepa.checkpoints.bundle import open_bundle
from astrojepa.checkpoints.model import Model, load_model
from astrojepa.cli import main, make_parser
from astrojepa.data.splits import default_split
from astrojepa.evaluation.anomalies.scores.asymmetry import asymmetry_scores
from astrojepa.evaluation.anomalies.scoring import kept_scores
from astrojepa.evaluation.pictures.checks import picture_checks
from astrojepa.evaluation.reports import bundling
from astrojepa.evaluation.reports.bundling import make_bundle
from astrojepa.evaluation.vectors.embed import pixel_pca, summary_statistics
from astrojepa.evaluation.vectors.symmetry import symmetry_drift


def test_a_host_finds_everything_and_computes_nothing(bundle: Path, own_cache: Path) -> None:
    found = open_bundle(bundle)
    cache.read_first(found.cache)
    data, model = aj.open_dataset(found.data), load_model(found.weights("small.tiny"))
    assert data.source_hash == found.source_hash
    vectors = aj.embed(model, data)
    assert vectors.vectors.dtype == np.float32
    pixels = pixel_pca(data, data)[1]
    pixel_pca(*default_split(data)[::2])
    for embeddings in (vectors, pixels):
        assert np.isfinite(aj.project(embeddings, "pca")).all()
        np.testing.assert_allclose(kept_scores(embeddings), aj.anomaly_scores(embeddings))
    asymmetry_scores(model, data)
    summary_statistics(data)
    picture_checks(data)
    symmetry_drift(model, data, np.array([7]))
    aj.patch_errors(model, data[7].image)
    # beside the hashes of the files
    made = {path.name.partition("-")[0] for path in own_cache.glob("*")}
    assert made <= {"contents"}, "something was computed, and written to the host's own cache"


@pytest.mark.slow
def test_without_its_arrays_all_of_that_is_computed(bundle: Path, own_cache: Path) -> None:
    found = open_bundle(bundle)
    data = aj.open_dataset(found.data)
    aj.embed(load_model(found.weights("small.tiny")), data)
    made = {path.name.partition("-")[0] for path in own_cache.iterdir()}
    assert made - {"contents"} == {"embeddings", "frames"}


@pytest.mark.slow
def test_vectors_are_those_of_the_packed_pictures_in_half_precision(bundle: Path) -> None:
    found = open_bundle(bundle)
    data, model = aj.open_dataset(found.data), load_model(found.weights("small.tiny"))
    fresh = aj.embed(model, data, cache=False).vectors
    cache.read_first(found.cache)
    kept = aj.embed(model, data).vectors
    assert not np.array_equal(kept, fresh)
    np.testing.assert_array_equal(kept, fresh.astype(np.float16).astype(np.float32))


def test_the_galaxies_keep_every_column_and_shrink(bundle: Path, pictures: Path) -> None:
    original, packed = aj.open_dataset(pictures), aj.open_dataset(open_bundle(bundle).data)
    assert packed.ids.tolist() == original.ids.tolist()
    assert packed.classes == original.classes
    assert packed.table["magnitude"].tolist() == original.table["magnitude"].tolist()
    assert packed[0].image.shape == (32, 32, 3)


def test_bundle_json_says_what_is_in_it(bundle: Path) -> None:
    content = json.loads((bundle / "bundle.json").read_text())
    assert content["created_by"] == "a test"
    assert content["data"]["galaxies"] == 60
    assert content["data"]["fingerprint"] == aj.open_dataset(open_bundle(bundle).data).fingerprint
    kinds = {
        name.partition("/")[2].partition("-")[0]
        for name in content["files"]
        if name.startswith("cache/")
    }
    assert kinds == {"embeddings", "baseline", "projection", "scores", "asymmetry", "picture"}, (
        "frames are as large as the data"
    )
    assert str(bundle.parent) not in (bundle / "bundle.json").read_text()


def test_numbers_that_half_precision_cannot_hold_stay_whole(tmp_path: Path) -> None:
    path = tmp_path / "baseline-0.npz"
    np.savez(
        path,
        large=np.array([1e6], np.float32),
        small=np.array([0.1], np.float32),
        exact=np.array([0.1]),
    )
    bundling._halve(path)
    with np.load(path) as kept:
        assert {name: kept[name].dtype for name in kept} == {
            "large": np.float32,
            "small": np.float16,
            "exact": np.float64,
        }


def test_a_control_is_not_hosted(pictures: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is no model to host"):
        make_bundle(
            aj.open_dataset(pictures),
            "",
            load_model("random"),
            tmp_path / "bundle",
            creator="a test",
        )


def test_a_bundle_never_replaces_another_folder(
    pictures: Path, model: Model, tmp_path: Path
) -> None:
    with pytest.raises(FileExistsError, match="exists already; name a new folder"):
        make_bundle(aj.open_dataset(pictures), "", model, tmp_path, creator="a test")


@pytest.mark.slow
def test_an_interrupted_export_leaves_nothing(
    pictures: Path, model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(bundling, "picture_checks", interrupted)
    monkeypatch.setattr(bundling, "MAPS", ("pca",))
    monkeypatch.setattr(bundling, "BASELINE_MAPS", ("pca",))
    with pytest.raises(KeyboardInterrupt):
        make_bundle(
            aj.open_dataset(pictures).subset(range(20)),
            "",
            model,
            tmp_path / "out" / "bundle",
            creator="a test",
        )
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.slow
def test_the_command_bundles_simulated_galaxies_by_name(
    tmp_path: Path,
    model: Model,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(bundling, "MAPS", ("pca",))
    monkeypatch.setattr(bundling, "BASELINE_MAPS", ("pca",))
    monkeypatch.setattr(aj, "load_model", lambda name: model)
    assert (
        main(
            [
                "export",
                "bundle",
                "--data",
                "simulated:30",
                "--checkpoint",
                "small.tiny",
                "--out",
                str(tmp_path / "bundle"),
            ]
        )
        == 0
    )
    assert "30 galaxies, small.tiny, 6." in capsys.readouterr().out
    assert open_bundle(tmp_path / "bundle").data == "simulated:30"
    assert not (tmp_path / "bundle" / "data").exists()
    kept = [path.name for path in (tmp_path / "bundle" / "cache").iterdir()]
    assert not [name for name in kept if name.endswith(".npy")], "every galaxy at full size"
    assert {"simulated", "thumbnails"} <= {name.partition("-")[0] for name in kept}


def test_a_run_is_still_exported_by_its_folder() -> None:
    options = make_parser().parse_args(["export", "runs/bundle", "--id", "small.mine"])
    assert (options.model, options.id) == ("runs/bundle", "small.mine")
    assert make_parser().parse_args(["export", "bundle", "--out", "x"]).checkpoint == "best"

"""`python -m astrojepa`: every sub-command on a small folder of pictures."""

from __future__ import annotations

import csv
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from astrojepa import distributed
from astrojepa.checkpoints import card as cards
from astrojepa.checkpoints.model import load_model
from astrojepa.cli import main, make_parser
from astrojepa.cli.train import train_main
from astrojepa.evaluation.vectors.shards import read_shards
from tests.tiny_run import flags_on


@pytest.fixture(scope="module")
def trained(drawn_galaxies, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASTROJEPA_CACHE", str(folder / "cache"))
        flags = [*flags_on(drawn_galaxies), "--epochs", "1"]
        assert train_main([*flags, "--out", str(folder / "run")]) == 0
    return folder / "run"


@pytest.fixture
def run(trained, tmp_path):
    """A copy of one trained run, which a test may change."""
    return str(shutil.copytree(trained, tmp_path / "run"))


def test_embed_writes_vectors_that_open_without_pickle(run, galaxy_folder, tmp_path):
    assert main(["embed", run, "--data", str(galaxy_folder), "--out", str(tmp_path / "v.npz")]) == 0
    with np.load(tmp_path / "v.npz", allow_pickle=False) as found:
        assert found["vectors"].shape == (128, 16)
        assert list(found["classes"]) == ["elongated", "round"]
        assert found["model"] == load_model(run).id


@pytest.mark.slow
def test_embed_into_a_folder_writes_shards_and_leaves_them_when_they_are_complete(
    galaxy_folder, tmp_path, capsys
):
    arguments = [
        "embed",
        "random",
        "--data",
        str(galaxy_folder),
        "--out",
        str(tmp_path / "v"),
        "--device",
        "cpu",
    ]
    assert main(arguments) == 0
    assert (
        capsys.readouterr().out
        == f"{tmp_path / 'v'}: complete, 128 vectors of width 192 for galaxies, shards: 1\n"
    )
    assert read_shards(tmp_path / "v").ids.tolist() == [f"g{row}" for row in range(128)]
    assert main(arguments) == 0
    assert "1 of 1 blocks were already done" in capsys.readouterr().out


@pytest.mark.slow
def test_parts_of_an_embedding_say_what_is_missing_until_the_last_is_written(
    galaxy_folder, tmp_path, capsys
):
    arguments = ["embed", "random", "--data", str(galaxy_folder), "--out", str(tmp_path / "v")]
    assert main([*arguments, "--part", "2/2"]) == 0
    assert (
        capsys.readouterr().out == f"{tmp_path / 'v'}: 1 of 2 shards are written, 1 are missing\n"
    )
    assert main([*arguments, "--part", "1/2"]) == 0
    assert "complete, 128 vectors" in capsys.readouterr().out
    assert len(read_shards(tmp_path / "v")) == 128


@pytest.mark.parametrize("part", ["0/2", "3/2", "2", "1/0", "a/b", "1/2/3"])
def test_a_part_that_does_not_exist_is_refused_in_one_sentence(galaxy_folder, part, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["embed", "random", "--data", str(galaxy_folder), "--out", "v", "--part", part])
    assert ended.value.code == 2
    assert f"'{part}' is no part; write R/W, e.g. 3/16, R from 1 to W" in capsys.readouterr().err


def test_a_part_of_one_file_is_refused(galaxy_folder, tmp_path, capsys):
    out = str(tmp_path / "v.npz")
    arguments = ["embed", "random", "--data", str(galaxy_folder), "--out", out, "--part", "1/2"]
    assert main(arguments) == 2
    assert f"{out} is one file, but 2 processes write; give a folder." in capsys.readouterr().err


@pytest.mark.slow
def test_embed_names_another_precision_and_fewer_passes_in_what_it_writes(
    galaxy_folder, tmp_path, capsys
):
    arguments = [
        "embed",
        "random:small.lejepa",
        "--data",
        str(galaxy_folder),
        "--passes",
        "1",
        "--precision",
        "bfloat16",
    ]
    assert main([*arguments, "--out", str(tmp_path / "v.npz")]) == 0
    with np.load(tmp_path / "v.npz", allow_pickle=False) as found:
        assert (str(found["precision"]), int(found["passes"])) == ("bfloat16", 1)
        vectors = found["vectors"]
    assert main([*arguments, "--out", str(tmp_path / "v")]) == 0
    settings = json.loads((tmp_path / "v" / "manifest.json").read_text())["settings"]
    assert (settings["precision"], settings["passes"]) == ("bfloat16", 1)
    np.testing.assert_array_equal(read_shards(tmp_path / "v").vectors, vectors)
    assert main([*arguments[:-2], "--out", str(tmp_path / "v")]) == 2
    assert "which differ in settings; choose another folder." in capsys.readouterr().err


def test_one_file_is_not_written_by_several_processes(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(distributed, "world_size", lambda: 2)
    assert main(["embed", "random", "--out", str(tmp_path / "v.npz")]) == 2
    assert "v.npz is one file, but 2 processes write; give a folder." in capsys.readouterr().err


@pytest.mark.slow
def test_probe_prints_every_baseline_beside_the_model_and_export_puts_it_on_the_card(
    run, galaxy_folder, tmp_path, capsys, monkeypatch
):
    report = tmp_path / "probe.json"
    assert (
        main(
            [
                "probe",
                run,
                "--data",
                str(galaxy_folder),
                "--random-seeds",
                "1",
                "--out",
                str(report),
            ]
        )
        == 0
    )
    shown = capsys.readouterr().out
    for name in (
        "linear probe",
        "20-NN",
        "majority",
        "summary statistics",
        "pixel PCA-64, linear",
        "random weights 0, linear",
    ):
        assert name in shown
    table = json.loads(report.read_text())
    assert table["split"] == "column"
    assert table["num_test"] == 16
    monkeypatch.setattr(cards, "CHECKPOINTS", tmp_path / "out")
    assert (
        main(
            [
                "export",
                run,
                "--id",
                "tiny.test",
                "--out",
                str(tmp_path / "out"),
                "--measured",
                str(report),
            ]
        )
        == 0
    )
    model = load_model("best")
    assert model.id == "tiny.test"
    assert model.card["measured"] == [table]
    assert model.card["curve"][0]["step"] == 6
    assert model.card["data"]["num_galaxies"] == 96
    assert str(galaxy_folder.parent) not in (tmp_path / "out" / "tiny.test.json").read_text(), (
        "a machine's path is on the card"
    )


def test_a_release_may_average_its_embeddings_over_more_orientations_than_the_run(
    run, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(cards, "CHECKPOINTS", tmp_path)
    released = ["export", run, "--id", "tiny.turned", "--out", str(tmp_path), "--orientations"]
    assert main([*released, "4"]) == 0
    assert load_model("tiny.turned").config.model.orientations == 4
    assert main([*released, "5"]) == 2
    assert "--orientations is 5; choose one of 1, 4, 8." in capsys.readouterr().err


def test_a_release_averages_over_scales_only_where_the_frame_holds_them(
    run, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(cards, "CHECKPOINTS", tmp_path)
    assert (
        main(["export", run, "--id", "tiny.scaled", "--out", str(tmp_path), "--scales", "3"]) == 2
    )
    assert "give --crop-fraction 0.8 or less" in capsys.readouterr().err
    assert not (tmp_path / "tiny.scaled.json").exists()


@pytest.mark.slow
def test_anomalies_are_listed_strangest_first(run, galaxy_folder, tmp_path, capsys):
    assert (
        main(
            [
                "anomalies",
                run,
                "--data",
                str(galaxy_folder),
                "--top",
                "3",
                "--out",
                str(tmp_path / "a.csv"),
            ]
        )
        == 0
    )
    assert len(capsys.readouterr().out.strip().splitlines()) == 4
    scores = [
        float(row["score"]) for row in csv.DictReader((tmp_path / "a.csv").read_text().splitlines())
    ]
    assert len(scores) == 128
    assert scores == sorted(scores, reverse=True)


def test_project_writes_a_map(run, galaxy_folder, tmp_path):
    assert (
        main(
            [
                "project",
                run,
                "--data",
                str(galaxy_folder),
                "--method",
                "pca",
                "--out",
                str(tmp_path / "m.csv"),
            ]
        )
        == 0
    )
    assert len((tmp_path / "m.csv").read_text().splitlines()) == 129


@pytest.mark.parametrize("galaxy", ["g5", "5"])
def test_patch_errors_draws_a_picture(run, galaxy_folder, tmp_path, galaxy):
    assert (
        main(
            [
                "patch-errors",
                run,
                "--data",
                str(galaxy_folder),
                "--galaxy",
                galaxy,
                "--out",
                str(tmp_path / "h.png"),
            ]
        )
        == 0
    )
    with Image.open(tmp_path / "h.png") as picture:
        assert picture.size == (448, 448)


def test_data_counts_classes_and_splits(galaxy_folder, capsys):
    assert main(["data", "--data", str(galaxy_folder)]) == 0
    shown = capsys.readouterr().out
    assert "128 galaxies, 128 labelled" in shown
    assert "split train" in shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["embed", "nope", "--out", "x.npz"], "There is no model 'nope'"),
        (
            ["patch-errors", "random", "--galaxy", "nobody", "--out", "x.png"],
            "has no galaxy 'nobody'; give an id such as g0",
        ),
        (["anomalies", "random", "--method", "magic"], "magic"),
        (
            ["embed", "random", "--out", "x.npz", "--device", "tpu"],
            "--device tpu is not available; choose cpu",
        ),
    ],
)
def test_bad_requests_give_one_sentence_and_exit_code_2(arguments, message, galaxy_folder, capsys):
    assert main([*arguments, "--data", str(galaxy_folder)]) == 2
    errors = capsys.readouterr().err
    assert message in errors
    assert "Traceback" not in errors


def test_a_corrupt_picture_is_named_and_left_out_only_when_asked(
    run, galaxy_folder, tmp_path, capsys
):
    victim = galaxy_folder / "images" / "3.png"
    victim.write_bytes(victim.read_bytes()[:80])
    arguments = ["embed", run, "--data", str(galaxy_folder), "--out", str(tmp_path / "v.npz")]
    assert main(arguments) == 2
    assert "3.png" in capsys.readouterr().err
    assert main([*arguments, "--skip-corrupt"]) == 0
    assert "Left out (unreadable)" in capsys.readouterr().err


def test_a_released_model_is_released_again_with_another_encoder(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(cards, "CHECKPOINTS", tmp_path)
    released = ["export", "random:smallresnet10t.petrosian", "--out", str(tmp_path)]
    assert main([*released, "--id", "two.fields", "--backbone", "nested:resnet10t"]) == 0
    assert load_model("two.fields").config.model.backbone == "nested:resnet10t"
    assert main([*released, "--id", "none", "--backbone", "resnet18"]) == 2
    assert "do not fit --backbone resnet18." in capsys.readouterr().err


def test_every_sub_commands_help_shows_an_example(capsys):
    for name in (
        "train",
        "app",
        "embed",
        "probe",
        "anomalies",
        "project",
        "patch-errors",
        "export",
        "data",
    ):
        with pytest.raises(SystemExit):
            make_parser().parse_args([name, "--help"])
        assert f"example: astrojepa {name}" in " ".join(capsys.readouterr().out.split())


@pytest.mark.slow
def test_metrics_become_a_table_and_events(tmp_path, capsys, tiny):
    from astrojepa.training.trainer import train

    run = train(tiny, out=tmp_path / "run", progress=False)
    assert (
        main(
            [
                "metrics",
                str(run),
                "--csv",
                str(tmp_path / "m.csv"),
                "--tensorboard",
                str(tmp_path / "events"),
            ]
        )
        == 0
    )
    rows = (tmp_path / "m.csv").read_text().splitlines()
    assert len(rows) == 4
    assert rows[0].startswith("step,epoch,total")
    assert list((tmp_path / "events").iterdir())
    assert "3 rows up to step 18" in capsys.readouterr().out
    assert main(["metrics", str(run)]) == 2
    assert "needs --csv FILE or --tensorboard DIR" in capsys.readouterr().err
    assert main(["metrics", str(tmp_path)]) == 2
    assert "is not a run folder" in capsys.readouterr().err


@pytest.mark.parametrize("order", [["data", "verify", "--data"], ["data", "--data"]])
def test_verify_decodes_every_picture_and_names_those_that_cannot_be_read(
    order, galaxy_folder, capsys
):
    arguments = [*order, str(galaxy_folder), *([] if "verify" in order else ["verify"])]
    assert main(arguments) == 0
    assert (
        "128 of 128 images are readable\n  40 x 40                           128\n"
        in capsys.readouterr().out
    )
    victim = galaxy_folder / "images" / "3.png"
    victim.write_bytes(victim.read_bytes()[:80])
    assert main(arguments) == 2
    shown = capsys.readouterr()
    assert "127 of 128 images are readable" in shown.out
    assert "images/3.png cannot be read as an image" in shown.out
    assert (
        "1 of 128 images cannot be read; replace them, or leave them out with --skip-corrupt."
        in shown.err
    )


def test_verify_refuses_what_is_not_the_current_galaxy10(tmp_path, capsys):
    (tmp_path / "Galaxy10_DECals.h5").write_bytes(b"a page of a server that was down")
    assert main(["data", "verify", "--data", str(tmp_path / "Galaxy10_DECals.h5")]) == 2
    assert (
        "is not a whole HDF5 file (32 bytes where 2,735,267,419 are expected"
        in capsys.readouterr().err
    )
    assert main(["data", "verify", "--data", "simulated:5"]) == 2
    assert "Simulated galaxies have no file to verify" in capsys.readouterr().err


def test_audit_prints_what_it_finds_and_writes_every_id(galaxy_folder, tmp_path, capsys):
    images = galaxy_folder / "images"
    # elongated, and a picture of a round one
    (images / "5.png").write_bytes((images / "4.png").read_bytes())
    assert (
        main(["data", "audit", "--data", str(galaxy_folder), "--out", str(tmp_path / "audit.json")])
        == 0
    )
    shown = capsys.readouterr().out
    assert (
        "1 group (2 galaxies): identical images, pixel by pixel\n         g4 (round) = g5 "
        "(elongated)" in shown
    )
    found = json.loads((tmp_path / "audit.json").read_text())
    assert [group["ids"] for group in found["label_conflicts"]] == [["g4", "g5"]]
    assert found["leaks"]["own_split"] == "column"
    assert found["data"]["galaxies"] == 128


def test_download_goes_where_it_is_told_and_speaks_https_only(tmp_path, capsys, monkeypatch):
    from astrojepa.data.download import galaxy10 as download

    asked = ["data", "download", "--out", str(tmp_path / "g.h5"), "--url"]
    assert main([*asked, "http://example.org/g.h5"]) == 2
    assert "'http://example.org/g.h5' is not an https address" in capsys.readouterr().err
    monkeypatch.setattr(download, "download", lambda path, url, **options: f"{path} from {url}")
    assert main([*asked, "https://example.org/g.h5"]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'g.h5'} from https://example.org/g.h5\n"
    assert main(["data", "download"]) == 0
    assert f"data/Galaxy10_DECals.h5 from {download.URL}" in capsys.readouterr().out.replace(
        "\\", "/"
    )


@pytest.mark.parametrize(
    ("command", "flag"),
    [
        (["project", "random", "--out", "map.csv"], "--trust"),
        (["probe", "random"], "--out"),
        (["data", "audit"], "--out"),
    ],
    ids=str,
)
def test_a_file_that_is_written_as_json_must_say_so_by_its_name(command, flag, capsys):
    with pytest.raises(SystemExit) as ended:
        main([*command, "--data", "simulated:8", flag, "found.csv"])
    assert ended.value.code == 2
    assert f"argument {flag}: found.csv is written as JSON; name a file" in capsys.readouterr().err


@pytest.mark.parametrize("action", ["verify", "audit", "download"])
def test_every_action_on_data_has_a_help_that_ends_in_an_example(action, capsys):
    with pytest.raises(SystemExit):
        make_parser().parse_args(["data", action, "--help"])
    assert f"example: astrojepa data {action}" in capsys.readouterr().out.strip().splitlines()[-1]

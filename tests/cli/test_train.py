"""`python train.py`: what it accepts, what it refuses, what survives. Refusals are one sentence
and exit code 2.
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from astrojepa.checkpoints.model import load_model
from astrojepa.checkpoints.weights import read_pickled
from astrojepa.cli.train import sweep_settings, train_main
from astrojepa.runs import read_metrics
from astrojepa.training.sweep import sweep

ROOT = Path(__file__).parents[2]


def refused(capsys, *arguments: str) -> str:
    """Run train.py in this process and return its one sentence."""
    code = train_main(list(arguments))
    lines = capsys.readouterr().err.strip().splitlines()
    assert code == 2
    assert len([line for line in lines if line.startswith("error: ")]) == 1
    return lines[-1]


def write_h5(path: Path, **datasets) -> Path:
    with h5py.File(path, "w") as file:
        for name, value in datasets.items():
            file[name] = value
    return path


def external_h5(path: Path) -> Path:
    """Pixels that point at another file of the machine."""
    with h5py.File(path, "w") as file:
        file["ans"] = np.zeros(4, np.uint8)
        outside = [("/etc/passwd", 0, h5py.h5f.UNLIMITED)]
        file.create_dataset("images", (4, 8, 8, 3), dtype=np.uint8, external=outside)
    return path


def cut_short(path: Path) -> Path:
    write_h5(path, images=np.zeros((40, 64, 64, 3), np.uint8), ans=np.zeros(40, np.uint8))
    path.write_bytes(path.read_bytes()[:5000])
    return path


def folder_with_a_corrupt_picture(folder: Path) -> Path:
    folder.mkdir()
    for index in range(20):
        Image.fromarray(np.full((40, 40, 3), index, np.uint8)).save(folder / f"g{index:02d}.jpg")
    (folder / "g07.jpg").write_bytes((folder / "g07.jpg").read_bytes()[:300])
    return folder


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: p / "nowhere.h5", r"There is no data at .*nowhere.h5; give"),
        (lambda p: write_h5(p / "a.h5", redshift=np.zeros(3)), r"(?s)a.h5.*images.*redshift"),
        (
            lambda p: write_h5(
                p / "a.h5", images=np.zeros((4, 8, 8), np.uint8), ans=np.zeros(4, np.uint8)
            ),
            r"a.h5.*images.*\(4, 8, 8\)",
        ),
        (lambda p: cut_short(p / "a.h5"), r"a.h5.*(truncated|cut short|damaged|not a)"),
        (lambda p: external_h5(p / "a.h5"), r"a.h5.*(external|another file|other files)"),
        (lambda p: p, r"no (pictures|images)|holds no"),
        (lambda p: folder_with_a_corrupt_picture(p / "pictures"), r"g07.jpg"),
    ],
    ids=[
        "missing",
        "no keys",
        "wrong shape",
        "truncated",
        "external storage",
        "empty folder",
        "corrupt picture",
    ],
)
def test_bad_data_is_refused_with_its_name_and_nothing_is_started(
    tmp_path, capsys, monkeypatch, make, message
):
    (tmp_path / "empty").mkdir()
    source = make(tmp_path / "empty")
    monkeypatch.chdir(tmp_path)
    sentence = refused(capsys, "--data", str(source), "--batch-size", "4")
    assert re.search(message, sentence), sentence
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--lambda", "1.5"), "--lambda is 1.5; it must lie in [0, 1]."),
        (("--lambda", "-0.1"), "--lambda is -0.1; it must lie in [0, 1]."),
        (
            ("--image-size", "64", "--patch-size", "7"),
            "--patch-size 7 does not divide --image-size 64",
        ),
        (("--preset", "vit9000"), "There is no preset 'vit9000'; known: vit5m"),
        (("--num-knots", "16"), "--num-knots is 16; it must be odd"),
        (("--sigreg-scale", "big"), "--sigreg-scale is 'big'; choose one of mean, count"),
        (("--orientations", "3"), "--orientations is 3; choose one of 1, 4, 8"),
        (("--scales", "2"), "--scales is 2; choose one of 1, 3"),
        (
            ("--scales", "3", "--crop-fraction", "0.9"),
            "of a frame of 71; give --crop-fraction 0.8 or less",
        ),
        (("--device", "quantum"), "--device quantum is not available"),
        (("--resume", "runs/none"), "runs/none is not a run folder"),
        (
            ("--resume", "runs/none", "--width", "64"),
            "--resume takes its settings from the run; leave out --width",
        ),
        (
            ("--resume", "runs/none", "--sweep", "width=64"),
            "--resume takes its settings from the run; leave out --sweep",
        ),
        (("--sweep", "lambda=0,1.5", "--out", "s"), "--lambda is 1.5; it must lie in [0, 1]."),
        (
            ("--sweep", "width=64,big", "--out", "s"),
            "--sweep width: 'big' is not a whole number; write --sweep width=VALUE,VALUE.",
        ),
        (("--sweep", "rotate=yes", "--out", "s"), "--sweep rotate: 'yes' is not true or false"),
        (
            ("--sweep", "target_scale=0.1", "--out", "s"),
            "--sweep target_scale: '0.1' is not LOW:HIGH",
        ),
        (
            ("--sweep", "magic=1", "--out", "s"),
            "A sweep cannot vary 'magic'; it varies settings of the recipe",
        ),
        (
            ("--sweep", "width", "--out", "s"),
            "A sweep needs a setting and its values, such as sigreg_weight=0,0.6.",
        ),
        (("--sweep", "width=64"), "--sweep needs --out FOLDER for its runs and table"),
        (
            ("--sweep", "width=64", "--seeds", "0", "--out", "s"),
            "--seeds is 0; it must be at least 1, at most 1000.",
        ),
        (("--seeds", "3"), "--seeds needs a sweep, such as --sweep sigreg_weight=0.6"),
    ],
)
def test_bad_settings_are_refused_by_the_name_of_their_flag(
    tmp_path, capsys, monkeypatch, flags, message
):
    monkeypatch.chdir(tmp_path)
    assert message in refused(capsys, *flags)
    assert list(tmp_path.iterdir()) == []


def test_sweeps_are_read_by_field_or_flag_and_in_the_fields_type():
    texts = [
        "lambda=0, 0.6",
        "learning-rate=1e-3",
        "width=64",
        "sigreg_weight=0.9",
        "rotate=true,false",
        "target_scale=0.1:0.2",
    ]
    assert sweep_settings(texts) == {
        "sigreg_weight": [0.0, 0.6, 0.9],
        "learning_rate": [1e-3],
        "width": [64],
        "rotate": [True, False],
        "target_scale": [(0.1, 0.2)],
    }


def test_flags_of_a_sweep_reach_every_run(tmp_path, monkeypatch, capsys, tiny_flags):
    seen = []
    monkeypatch.setattr(
        sweep,
        "train",
        lambda config, **how: seen.append((config.objective.sigreg_weight, config.seed, how)),
    )
    arguments = [
        "--sweep",
        "lambda=0,0.6",
        "--seeds",
        "2",
        "--seed",
        "7",
        "--out",
        str(tmp_path / "sweep"),
    ]
    assert train_main([*tiny_flags, *arguments, "--tensorboard", "--compile", "off"]) == 0
    assert [(weight, seed) for weight, seed, _ in seen] == [(0.0, 7), (0.0, 8), (0.6, 7), (0.6, 8)]
    assert all((how["tensorboard"], how["compile"]) == (True, "off") for *_, how in seen)
    assert "table.md" in capsys.readouterr().out.splitlines()[-1]


@pytest.mark.parametrize(
    ("stops", "code", "message"),
    [
        (
            KeyboardInterrupt(),
            130,
            "Stopped after 0 of 1 runs in .*sweep; run the same command to continue.",
        ),
        (
            FloatingPointError("At step 3."),
            2,
            "error: 1 of 1 runs diverged: sigreg_weight=0.6/seed42. The others",
        ),
    ],
    ids=["Ctrl-C", "diverged"],
)
def test_a_sweep_that_does_not_end_well_says_so_in_one_sentence(
    tmp_path, monkeypatch, capsys, tiny_flags, stops, code, message
):
    def train(config, *, out, **how):
        raise stops

    monkeypatch.setattr(sweep, "train", train)
    assert (
        train_main([*tiny_flags, "--sweep", "lambda=0.6", "--out", str(tmp_path / "sweep")]) == code
    )
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert re.match(message, line), line


def test_tensorboard_and_compile_reach_the_run(tmp_path, tiny_flags):
    run = tmp_path / "run"
    assert (
        train_main(
            [*tiny_flags, "--epochs", "1", "--tensorboard", "--compile", "off", "--out", str(run)]
        )
        == 0
    )
    assert list((run / "tensorboard").iterdir())


def test_under_torchrun_the_sentence_begins_with_the_process_and_only_the_first_says_more(
    monkeypatch, capsys, tiny_flags
):
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert train_main([*tiny_flags, "--lambda", "1.5"]) == 2
    assert capsys.readouterr() == (
        "",
        "[process 1] error: --lambda is 1.5; it must lie in [0, 1].\n",
    )
    monkeypatch.setattr(sweep, "sweep", lambda *arguments, **how: Path("sweep"))
    assert train_main([*tiny_flags, "--sweep", "lambda=0.6", "--out", "sweep"]) == 0
    assert capsys.readouterr().out == ""


def test_a_corrupt_picture_is_skipped_and_named_where_asked(
    tmp_path, capsys, galaxy_folder, tiny_flags
):
    victim = galaxy_folder / "images" / "3.png"
    victim.write_bytes(victim.read_bytes()[:80])
    assert "3.png" in refused(capsys, *tiny_flags)
    assert (
        train_main([*tiny_flags, "--epochs", "1", "--skip-corrupt", "--out", str(tmp_path / "run")])
        == 0
    )
    assert re.search(r"Left out  1 unreadable images: .*3\.png", capsys.readouterr().out)
    assert load_model(tmp_path / "run").card["data"]["num_galaxies"] == 95


def test_lambda_reaches_the_run_and_the_last_line_opens_it_on_the_same_galaxies(
    tmp_path, tiny_flags, capsys
):
    assert (
        train_main(
            [*tiny_flags, "--epochs", "1", "--lambda", "0.3", "--out", str(tmp_path / "run")]
        )
        == 0
    )
    shown = capsys.readouterr().out.splitlines()[-1].partition("streamlit run app/main.py -- ")[2]
    assert shown == f"{' '.join(tiny_flags[:2])} --checkpoint {tmp_path / 'run'}"
    assert load_model(tmp_path / "run").config.objective.sigreg_weight == 0.3
    assert [row["step"] for row in read_metrics(tmp_path / "run")] == [6]


@pytest.mark.slow
def test_without_data_the_simulator_is_announced_on_the_first_lines(
    tmp_path, capsys, monkeypatch, tiny_flags
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("astrojepa.data.GALAXY10_PATH", Path("nowhere.h5"))
    monkeypatch.setattr("astrojepa.training.prepare.SIMULATED_COUNT", 120)
    assert train_main([*tiny_flags[2:], "--epochs", "1", "--out", "run"]) == 0
    assert "SIMULATED GALAXIES" in "".join(capsys.readouterr().out.splitlines(keepends=True)[:2])
    assert load_model(tmp_path / "run").card["data"]["simulated"] is True


def test_a_model_that_is_not_there_is_named_before_anything_is_announced(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    assert train_main(["--start-from", "nope", "--epochs", "1"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "There is no model 'nope'" in err


def test_simulated_galaxies_that_were_asked_for_are_not_called_missing_data(
    tmp_path, capsys, tiny_flags
):
    out = str(tmp_path / "run")
    assert train_main([*tiny_flags[2:], "--data", "simulated:7", "--out", out]) == 2
    said = capsys.readouterr().out
    assert "SIMULATED GALAXIES" in said
    assert "no --data" not in said


def start(*arguments: str, **settings) -> subprocess.Popen[str]:
    command = [sys.executable, str(ROOT / "train.py"), *arguments]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **settings
    )


@pytest.mark.slow(15)
@pytest.mark.once
def test_ctrl_c_ends_a_real_process_cleanly_and_resumably(tmp_path, tiny_flags):
    run = tmp_path / "run"
    process = start(*tiny_flags, "--epochs", "5000", "--out", str(run))
    deadline = time.monotonic() + 120
    while not (run / "last.pt").exists() and time.monotonic() < deadline:
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "nothing is lost. Continue with: python train.py --resume" in errors
    assert "Traceback" not in errors
    step = read_pickled(run / "last.pt")["step"]
    resumed = start("--resume", str(run))
    while read_metrics(run)[-1]["step"] <= step and time.monotonic() < deadline + 60:
        time.sleep(0.2)
    resumed.send_signal(signal.SIGTERM)
    resumed.communicate(timeout=60)
    assert read_pickled(run / "last.pt")["step"] > step


@pytest.mark.slow
@pytest.mark.once
def test_a_full_disk_while_saving_leaves_the_old_checkpoint(tmp_path, tiny_flags):
    """A file-size limit stands for the full disk: the write fails in the same place with the
    same kind of error.
    """
    run = tmp_path / "run"
    assert train_main([*tiny_flags, "--epochs", "1", "--out", str(run)]) == 0
    before = (run / "last.pt").read_bytes()
    config = (run / "config.json").read_text().replace('"epochs": 1', '"epochs": 4')
    (run / "config.json").write_text(config)
    limited = (
        f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({len(before) // 2}, "
        f"{len(before) // 2}))"
    )
    code = (
        f"{limited}\nimport sys; sys.path.insert(0, {str(ROOT)!r})\nfrom astrojepa.cli.train "
        f"import train_main\nsys.exit(train_main())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "--resume", str(run)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert "File too large" in done.stderr
    assert (run / "last.pt").read_bytes() == before
    assert [path.name for path in run.iterdir() if path.name.startswith(".")] == []
    assert load_model(run / "last.pt").has_predictor

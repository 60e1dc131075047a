"""Disks that are full or read-only: one sentence, exit code 2, nothing lost; the explorer goes
on without its cache.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from astrojepa import files
from astrojepa.cache import ensure_cache, load_arrays, save_arrays
from astrojepa.cli.train import guarded
from astrojepa.config import TrainConfig, replace
from astrojepa.data import open_dataset
from astrojepa.data.frames import frames_for
from astrojepa.files import atomic_write
from astrojepa.runs import read_config
from astrojepa.training.trainer import train
from tests.faults.places import with_mount

pytestmark = [pytest.mark.slow, pytest.mark.once]


@pytest.fixture
def run(tiny: TrainConfig, tmp_path: Path) -> Path:
    """A finished run of one epoch that is asked for another."""
    folder = train(replace(tiny, epochs=1), out=tmp_path / "run", progress=False)
    config = folder / "config.json"
    config.write_text(config.read_text().replace('"epochs": 1', '"epochs": 2'))
    return folder


def commands(disk: Path, run: Path, galaxies: Path, flags: list[str]) -> list[list[str]]:
    """Everything that writes, told to write onto the disk."""
    data, model = ["--data", str(galaxies)], str(run)
    return [
        ["train", *flags, "--epochs", "1", "--out", str(disk / "new")],
        ["train", "--resume", str(disk / run.name)],
        ["train", *flags, "--sweep", "lambda=0.6", "--out", str(disk / "sweep")],
        ["astrojepa", "export", model, "--id", "small.mine", "--out", str(disk / "checkpoints")],
        ["astrojepa", "embed", model, *data, "--device", "cpu", "--out", str(disk / "vectors.npz")],
        ["astrojepa", "embed", model, *data, "--device", "cpu", "--out", str(disk / "vectors")],
        ["astrojepa", "project", model, *data, "--method", "pca", "--out", str(disk / "map.csv")],
        ["astrojepa", "metrics", model, "--csv", str(disk / "metrics.csv")],
        ["astrojepa", "data", "pack", *data, "--size", "32", "--out", str(disk / "pack")],
        [
            "astrojepa",
            "data",
            "download",
            "--url",
            "https://127.0.0.1:9/file.h5",
            "--out",
            str(disk / "galaxies.h5"),
        ],
        [f"ASTROJEPA_CACHE={disk / 'empty'}", "astrojepa", "data", "--data", "simulated:30"],
        ["astrojepa", "probe", model, *data],
    ]


def obeyed(disk: Path, mount: str, order: dict[str, Any]) -> dict[str, Any]:
    code = (
        f"import sys; sys.argv[1:] = [{json.dumps(order | {'disk': str(disk)})!r}]; import runpy; "
    )
    done = with_mount(
        disk, mount, code + "runpy.run_path('tests/faults/refused_program.py', run_name='__main__')"
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def assert_refused(result: dict[str, Any], reason: str) -> None:
    lines = [line for line in result["said"].splitlines() if line.startswith("error: ")]
    assert (result["code"], len(lines)) == (2, 1), result
    assert re.search(reason, lines[0]), result
    assert "Traceback" not in result["said"]


def test_every_command_refuses_a_read_only_folder_in_one_sentence(
    run: Path, galaxy_folder: Path, tiny_flags: list[str], tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    run = run.rename(disk / "run")
    asked = commands(disk, run, galaxy_folder, tiny_flags)
    told = obeyed(disk, "read-only", {"commands": asked})
    assert len(told["results"]) == len(asked)
    for result in told["results"]:
        assert_refused(result, "Read-only file system. Choose a writable folder.")
    assert told["after"] == told["before"] != {}


def test_every_command_refuses_a_full_disk_in_one_sentence_and_leaves_what_was_there(
    run: Path, galaxy_folder: Path, tiny_flags: list[str], own_cache: Path, tmp_path: Path
) -> None:
    frames_for(open_dataset(galaxy_folder), read_config(run).image)
    disk, out = tmp_path / "disk", tmp_path / "vectors.npz"
    vectors = [
        "astrojepa",
        "embed",
        str(run),
        "--data",
        str(galaxy_folder),
        "--device",
        "cpu",
        "--out",
        str(out),
    ]
    asked = [
        [f"ASTROJEPA_CACHE={disk / 'cache'}", *vectors],
        *commands(disk, run, galaxy_folder, tiny_flags),
    ]
    told = obeyed(
        disk, "size=4m", {"commands": asked, "copy": [str(run), str(own_cache)], "left": 12_000}
    )
    given, *refused = told["results"]
    assert given["code"] == 0, "only its cache is full: the vectors are given out"
    assert load_arrays(out)["vectors"].shape == (128, 16)  # type: ignore[index]
    for result in refused:
        assert_refused(
            result, r"No space left on device\. Free space|make room|GB of free disk|GB free"
        )
    kept = {name: digest for name, digest in told["after"].items() if name in told["before"]}
    assert kept.keys() == told["before"].keys()
    changed = {name for name in kept if kept[name] != told["before"][name]}
    assert changed <= {"run/training.lock", "run/metrics.jsonl"}
    assert not [name for name in told["after"] if files.UNFINISHED in name]


def test_a_cache_that_refuses_is_named_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*anything: Any, **more: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    save_arrays(tmp_path / "a.npz", x=np.arange(3))
    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
        patch.setattr(np, "savez", full)
        save_arrays(tmp_path / "a.npz", x=np.arange(4))
    assert (
        f"{tmp_path / 'a.npz'} was not kept (No space left on device) and will be computed again"
        in caplog.text
    )
    assert load_arrays(tmp_path / "a.npz")["x"].tolist() == [0, 1, 2]  # type: ignore[index]
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]


def test_the_sentence_names_the_file_and_not_its_temporary_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def write() -> int:
        with atomic_write(tmp_path / "last.pt") as stream:
            stream.write(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")

    assert guarded(write) == 2
    expected = (
        f"error: {tmp_path / 'last.pt'}: No space left on device. Free space on that disk, "
        f"or choose another disk.\n"
    )
    assert capsys.readouterr().err == expected
    assert list(tmp_path.iterdir()) == []


def test_a_cache_that_cannot_be_written_to_gives_way_to_a_temporary_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setenv("ASTROJEPA_CACHE", str(tmp_path / "file" / "cache"))
    sentence = ensure_cache()
    assert sentence.startswith(
        f"{tmp_path / 'file' / 'cache'} cannot keep what is computed (Not a directory), so that it "
        f"is kept"
    )
    assert Path(os.environ["ASTROJEPA_CACHE"]).parent == tmp_path
    assert ensure_cache() == ""


def test_a_cache_on_a_read_only_or_full_disk_gives_way_to_a_temporary_one(tmp_path: Path) -> None:
    code = f"import os; os.environ['ASTROJEPA_CACHE'] = {str(tmp_path / 'disk')!r}; "
    code += (
        "from astrojepa.cache import ensure_cache; print(ensure_cache()); "
        "print(os.environ['ASTROJEPA_CACHE'])"
    )
    for mount, reason in (
        ("read-only", "Read-only file system"),
        ("size=100k", "No space left on device"),
    ):
        done = with_mount(tmp_path / "disk", mount, code)
        sentence, place = done.stdout.splitlines()
        assert f"{tmp_path / 'disk'} cannot keep what is computed ({reason})" in sentence
        assert not Path(place).exists(), "it goes with the process"

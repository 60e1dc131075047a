"""Embedding into shards: the same vectors from any number of processes, whatever was killed on
the way.
"""

from __future__ import annotations

import dataclasses
import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from pyarrow import parquet

from astrojepa import files
from astrojepa.checkpoints.model import Model, load_model, save_released
from astrojepa.checkpoints.weights import build_network
from astrojepa.cli import main
from astrojepa.config import replace
from astrojepa.data import open_dataset
from astrojepa.data.dataset import Dataset
from astrojepa.evaluation.vectors import embed_shards as module
from astrojepa.evaluation.vectors.embed import embed
from astrojepa.evaluation.vectors.embed_shards import ShardRun, embed_shards
from astrojepa.evaluation.vectors.shards import ShardFolder, open_shards, read_shards
from astrojepa.presets import preset
from astrojepa.runs import only_training
from tests.evaluation.vectors.shard_world import (
    assert_equal,
    interrupted,
    one_after_the_other,
    pictures,
    spoil,
)
from tests.tiny_run import TINY

TORCHRUN = [
    sys.executable,
    "-m",
    "torch.distributed.run",
    "--standalone",
    "--nproc_per_node=2",
    "-m",
    "astrojepa",
    "embed",
]
MakeData = Callable[..., Dataset]


@pytest.fixture
def model(make_stand_in: Callable[..., Any]) -> Any:
    made = make_stand_in()
    made.id = "stand.in"
    return made


@pytest.fixture
def tiny_model() -> Model:
    """A real network of a few thousand random weights."""
    config = replace(preset("small.sigreg06"), **TINY)
    network = build_network(config, torch.device("cpu")).eval()
    return Model(
        "tiny.random",
        config,
        {},
        "c0ffee",
        (0.5, 0.5, 0.5),
        (0.5, 0.5, 0.5),
        network,
        torch.device("cpu"),
    )


@pytest.fixture
def become(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, int], None]:
    return one_after_the_other(monkeypatch)


@pytest.mark.parametrize("order", [[0], [0, 1], [1, 0], [2, 0, 1]], ids=str)
def test_shards_of_any_number_of_processes_hold_the_vectors_of_embed_bit_for_bit(
    tiny_model: Model,
    make_dataset: MakeData,
    tmp_path: Path,
    order: list[int],
    become: Callable[[int, int], None],
) -> None:
    data = make_dataset(pictures(18), labels=np.arange(18) % 5 - 1)
    for rank in order:
        become(rank, len(order))
        embed_shards(tiny_model, data, tmp_path / "out", block_size=4)
    shards = [f"shard-{rank:05d}-of-{len(order):05d}.parquet" for rank in sorted(order)]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["manifest.json", *shards]
    assert_equal(read_shards(tmp_path / "out"), embed(tiny_model, data, batch_size=4, cache=False))


def test_a_process_without_a_block_writes_an_empty_shard(
    model: Any, make_dataset: MakeData, tmp_path: Path, become: Callable[[int, int], None]
) -> None:
    data = make_dataset(pictures(3))
    for rank in (1, 0):
        become(rank, 2)
        embed_shards(model, data, tmp_path)
    assert parquet.read_metadata(tmp_path / "shard-00001-of-00002.parquet").num_rows == 0
    assert read_shards(tmp_path).ids.tolist() == ["g0", "g1", "g2"]


@pytest.mark.parametrize("size", [1, 3])
def test_an_interrupted_embedding_continues_with_any_number_of_processes(
    model: Any,
    make_dataset: MakeData,
    tmp_path: Path,
    become: Callable[[int, int], None],
    size: int,
) -> None:
    data = make_dataset(pictures(30))
    become(1, 2)
    interrupted(model, data, tmp_path, after=3)
    assert sorted(path.name for path in (tmp_path / "blocks").iterdir()) == [
        f"rows-{row:010d}.parquet" for row in (4, 12, 20)
    ]
    with pytest.raises(
        FileNotFoundError,
        match="unfinished: it lacks every shard; start the same embed command again",
    ):
        read_shards(tmp_path)
    for rank in range(size):
        become(rank, size)
        embed_shards(model, data, tmp_path, block_size=4)
    assert model.encoded == 30, "no finished block is computed twice"
    assert_equal(read_shards(tmp_path), embed(model, data, cache=False))


@pytest.mark.parametrize("damage", ["cut", "empty", "altered"])
def test_a_damaged_block_is_computed_again(
    model: Any, make_dataset: MakeData, tmp_path: Path, damage: str
) -> None:
    data = make_dataset(pictures(12))
    interrupted(model, data, tmp_path, after=2)
    spoil(tmp_path / "blocks" / "rows-0000000004.parquet", damage)
    assert embed_shards(model, data, tmp_path, block_size=4) == ShardRun(
        num_blocks=3, num_found=1, num_shards=1
    )
    assert model.encoded == 16
    assert_equal(read_shards(tmp_path), embed(model, data, cache=False))


def test_a_writer_killed_within_a_shard_leaves_none_and_loses_nothing(
    model: Any, make_dataset: MakeData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = make_dataset(pictures(12))

    def killed(folder: ShardFolder, path: Path, blocks: list[range]) -> None:
        (folder.path / f".{path.name}.x1y2").write_bytes(b"PAR1 half a shard")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ShardFolder, "write_shard", killed)
        with pytest.raises(KeyboardInterrupt):
            embed_shards(model, data, tmp_path, block_size=4)
    with pytest.raises(FileNotFoundError, match="unfinished"):
        read_shards(tmp_path)
    assert embed_shards(model, data, tmp_path, block_size=4).num_found == 3
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "cache") == [
        "manifest.json",
        "shard-00000-of-00001.parquet",
    ]
    assert model.encoded == 12


def test_shards_begun_by_another_number_of_processes_are_theirs_to_finish(
    model: Any, make_dataset: MakeData, tmp_path: Path, become: Callable[[int, int], None]
) -> None:
    data = make_dataset(pictures(12))
    become(0, 2)
    embed_shards(model, data, tmp_path, block_size=4)
    with pytest.raises(
        FileNotFoundError, match=r"it lacks shard-00001-of-00002.parquet; start the same"
    ):
        read_shards(tmp_path)
    become(0, 3)
    with pytest.raises(
        ValueError,
        match=r"holds 1 of 2 shards, and 2 processes must finish them, not 3; .*nproc_per_node=2",
    ):
        embed_shards(model, data, tmp_path, block_size=4)
    become(1, 2)
    embed_shards(model, data, tmp_path, block_size=4)
    become(0, 3)
    assert embed_shards(model, data, tmp_path, block_size=4) == ShardRun(
        num_blocks=3, num_found=3, num_shards=2
    )
    assert model.encoded == 12, "a complete folder is left alone, whoever asks"


@pytest.mark.parametrize("order", [[1, 2, 3], [3, 1, 2]], ids=str)
def test_parts_in_any_order_make_the_folder_that_processes_of_torchrun_make(
    model: Any, make_dataset: MakeData, tmp_path: Path, order: list[int]
) -> None:
    data = make_dataset(pictures(18))
    found = [
        embed_shards(model, data, tmp_path, block_size=4, part=(number, 3)) for number in order
    ]
    assert [run.num_missing for run in found] == [2, 1, 0]
    assert sum(run.num_blocks for run in found) == 5
    assert model.encoded == 18
    assert not (tmp_path / "blocks").exists()
    assert_equal(read_shards(tmp_path), embed(model, data, cache=False))


def test_a_part_that_another_process_computes_is_refused_and_the_first_loses_nothing(
    model: Any, make_dataset: MakeData, make_stand_in: Callable[..., Any], tmp_path: Path
) -> None:
    data, encode, refused = make_dataset(pictures(18)), model.encode, []
    second = make_stand_in()
    second.id = model.id

    def encode_and_ask(frames: np.ndarray) -> np.ndarray:
        with pytest.raises(
            OSError, match=r"Another embed, .* computes .*; let it finish, or"
        ) as no:
            embed_shards(second, data, tmp_path, block_size=4, part=(1, 2))
        refused.append(str(no.value))
        return encode(frames)

    model.encode = encode_and_ask
    embed_shards(model, data, tmp_path, block_size=4, part=(1, 2))
    assert len(refused) == 3
    assert f"process {os.getpid()} on " in refused[0]
    assert "shard-00000-of-00002.parquet" in refused[0]
    model.encode = encode
    embed_shards(model, data, tmp_path, block_size=4, part=(2, 2))
    assert_equal(read_shards(tmp_path), embed(model, data, batch_size=4, cache=False))
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_two_commands_for_one_part_end_in_one_sentence_for_the_second(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["embed", "random", "--data", "simulated:4", "--out", str(tmp_path), "--part", "1/2"]
    with ShardFolder(tmp_path, {}).alone(tmp_path / "shard-00000-of-00002.parquet"):
        assert main(command) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "error: " in line]
    assert line.startswith(f"error: Another embed, process {os.getpid()} on ")
    assert not list(tmp_path.glob("shard-*"))
    assert main(command) == 0


@pytest.mark.slow
def test_a_part_of_another_total_is_refused_while_a_real_process_computes_one(
    catalogue: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights, data = catalogue
    out = tmp_path / "out"
    command = ["embed", weights, "--data", data, "--out", str(out), "--device", "cpu", "--part"]
    out.mkdir()
    call = f"from tests.evaluation.vectors.shard_world import hold; hold({str(out)!r})"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", call], env=environment, **pipes) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == b"held\n"
        assert main([*command, "3/3"]) == 2
        assert not list(out.rglob("*.parquet")), "refused before anything was computed"
        first.communicate(b"\n", timeout=60)
    assert main([*command, "1/2"]) == 0
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "error: " in line]
    assert f"Another embed, process {first.pid} on " in line
    assert "computes" in line
    assert "shard-00000-of-00002.parquet; use as many parts as it does, or stop it" in line
    assert main([*command, "3/3"]) == 2, "nor later, as one of two parts is there"
    assert "holds 1 of 2 shards" in capsys.readouterr().err
    assert main([*command, "2/2"]) == 0
    assert_equal(read_shards(out), embed(load_model(weights), open_dataset(data), cache=False))


def test_a_file_system_without_locks_is_no_hindrance(
    model: Any, make_dataset: MakeData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(*given: Any, **named: Any) -> bool:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(files, "lock_descriptor", no_locks)
    embed_shards(model, make_dataset(pictures(6)), tmp_path)
    assert len(read_shards(tmp_path).vectors) == 6
    with pytest.raises(OSError, match="No locks"), only_training(tmp_path):
        pass


def test_a_part_that_was_killed_loses_at_most_the_block_it_was_at(
    model: Any, make_dataset: MakeData, tmp_path: Path
) -> None:
    data = make_dataset(pictures(30))
    embed_shards(model, data, tmp_path, block_size=4, part=(1, 2))
    interrupted(model, data, tmp_path, after=2, part=(2, 2))
    again = embed_shards(model, data, tmp_path, block_size=4, part=(2, 2))
    assert (again.num_blocks, again.num_found) == (4, 2)
    assert model.encoded == 30, "no finished block is computed twice"
    assert_equal(read_shards(tmp_path), embed(model, data, cache=False))


def test_a_shard_that_was_cut_short_is_missing_until_its_part_has_written_it_again(
    model: Any, make_dataset: MakeData, tmp_path: Path
) -> None:
    data = make_dataset(pictures(18))
    for part in ((1, 2), (2, 2)):
        embed_shards(model, data, tmp_path, block_size=4, part=part)
    second = tmp_path / "shard-00001-of-00002.parquet"
    second.write_bytes(second.read_bytes()[:-100])
    interrupted(model, data, tmp_path, after=1, part=(2, 2))
    assert embed_shards(model, data, tmp_path, block_size=4, part=(1, 2)).num_missing == 1
    again = embed_shards(model, data, tmp_path, block_size=4, part=(2, 2))
    assert (again.num_found, again.num_missing) == (1, 0), "the other part left its block alone"
    assert_equal(read_shards(tmp_path), embed(model, data, cache=False))


@pytest.mark.parametrize("part", [(0, 3), (4, 3), (-1, 3)], ids=str)
def test_a_part_that_does_not_exist_is_refused_before_anything_is_written(
    model: Any, make_dataset: MakeData, tmp_path: Path, part: tuple[int, int]
) -> None:
    with pytest.raises(ValueError, match=rf"part is {part[0]} of 3 .*; give 1 to 3"):
        embed_shards(model, make_dataset(pictures(6)), tmp_path / "out", part=part)
    assert not (tmp_path / "out").exists()


def test_a_part_among_processes_of_torchrun_is_refused(
    model: Any, make_dataset: MakeData, tmp_path: Path, become: Callable[[int, int], None]
) -> None:
    become(0, 2)
    with pytest.raises(ValueError, match=r"part is 1 of 3 in 2 processes; .*no torchrun"):
        embed_shards(model, make_dataset(pictures(6)), tmp_path, part=(1, 3))


@pytest.mark.parametrize("change", ["model", "galaxies", "settings", "blocks"])
def test_a_folder_of_another_embedding_is_refused_and_keeps_everything(
    model: Any,
    make_dataset: MakeData,
    make_stand_in: Callable[..., Any],
    tmp_path: Path,
    change: str,
) -> None:
    data = make_dataset(pictures(6))
    embed_shards(model, data, tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.glob("*.*")}
    other = make_stand_in(crop_fraction=0.5 if change == "settings" else 0.875)
    other.id, other.hash = "other", "beef" if change == "model" else model.hash
    with pytest.raises(
        ValueError,
        match=r"holds vectors by stand.in .* of memory .*, and these are by other .*choose another",
    ):
        embed_shards(
            other,
            data.subset([1, 0]) if change == "galaxies" else data,
            tmp_path,
            block_size=2 if change == "blocks" else 1024,
        )
    assert {path: path.read_bytes() for path in tmp_path.glob("*.*")} == before
    assert other.encoded == 0


def test_a_renamed_model_or_data_set_is_the_same(
    model: Any, make_dataset: MakeData, tmp_path: Path
) -> None:
    data = make_dataset(pictures(6))
    embed_shards(model, data, tmp_path)
    model.id = "renamed"
    assert embed_shards(model, dataclasses.replace(data, name="moved"), tmp_path).num_found == 1


def test_a_vector_that_is_not_finite_names_its_galaxy_and_is_not_kept(
    model: Any, make_dataset: MakeData, tmp_path: Path
) -> None:
    encode = model.encode
    model.encode = lambda frames: (
        np.where(encode(frames) > 0, np.nan, 0) if model.encoded >= 8 else encode(frames)
    )
    with pytest.raises(ValueError, match="galaxy g8 is not finite"):
        embed_shards(model, make_dataset(pictures(16)), tmp_path, block_size=4)
    assert len(list((tmp_path / "blocks").iterdir())) == 2


def test_pictures_are_read_at_most_one_batch_ahead(
    model: Any,
    make_dataset: MakeData,
    tmp_path: Path,
    own_cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "BATCH_SIZE", 4)
    data, encode, ahead = make_dataset(pictures(50)), model.encode, []

    def encode_and_look(frames: np.ndarray) -> np.ndarray:
        assert len(frames) <= 4
        found = encode(frames)
        time.sleep(0.005)  # time enough to read more, if anything asked for it
        ahead.append(data.reader.reads - model.encoded)  # type: ignore[attr-defined]
        return found

    model.encode, before = encode_and_look, threading.active_count()
    embed_shards(model, data, tmp_path / "out", block_size=10)
    assert max(ahead) == 4
    assert not list(own_cache.glob("frames-*")), "no catalogue of frames on the disk"
    assert threading.active_count() <= before, "no thread is left behind"


def test_progress_is_that_of_process_0_and_starts_where_it_was(
    model: Any, make_dataset: MakeData, tmp_path: Path, become: Callable[[int, int], None]
) -> None:
    data, reports = make_dataset(pictures(18)), []
    become(0, 2)
    interrupted(model, data, tmp_path, after=1)
    for rank in (1, 0):
        become(rank, 2)
        embed_shards(
            model, data, tmp_path, block_size=4, progress=lambda *report: reports.append(report)
        )
    assert reports == [(done, 10, "embedding, process 0 of 2") for done in (0, 4, 8, 10)]


# Two real processes


@pytest.fixture
def catalogue(tmp_path: Path, tiny_model: Model) -> tuple[str, str]:
    """5,500 small galaxies in a file, six blocks, and a model's file."""
    rng = np.random.default_rng(0)
    with h5py.File(tmp_path / "galaxies.h5", "w") as file:
        file["images"] = rng.integers(0, 256, (5500, 16, 16, 3), dtype=np.uint8)
        file["ans"] = rng.integers(0, 10, 5500)
    weights = save_released(tiny_model, tmp_path, {"id": "tiny.random"}, dtype=torch.float32)
    return str(weights), str(tmp_path / "galaxies.h5")


def processes(catalogue: tuple[str, str], out: Path) -> subprocess.Popen[str]:
    weights, data = catalogue
    command = [*TORCHRUN, weights, "--data", data, "--out", str(out), "--device", "cpu"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def kill_one(launcher: int) -> None:
    """Send SIGKILL to one of torchrun's processes."""
    first, _ = Path(f"/proc/{launcher}/task/{launcher}/children").read_text().split()
    os.kill(int(first), signal.SIGKILL)


@pytest.mark.slow(25)
def test_two_real_processes_of_which_one_is_killed_finish_what_is_missing_with_the_bits_of_one(
    catalogue: tuple[str, str], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with processes(catalogue, out) as first:
        while not any(out.glob("blocks/rows-*")) and first.poll() is None:
            time.sleep(0.01)
        kill_one(first.pid)
        first.communicate(timeout=60)
        assert first.returncode != 0
    with pytest.raises(FileNotFoundError, match="unfinished"):
        read_shards(out)
    found = sum(open_shards(out).read_block(rows) is not None for rows in open_shards(out).blocks)
    assert 0 < found < 6
    with processes(catalogue, out) as second:
        shown, errors = second.communicate(timeout=120)
        assert second.returncode == 0, errors[-3000:]
    assert f"{found} of 6 blocks were already done" in shown
    assert f"{out}: complete, 5500 vectors of width 16 for galaxies, shards: 2" in shown
    assert "blocks" not in [path.name for path in out.iterdir()]
    weights, data = catalogue
    assert_equal(read_shards(out), embed(load_model(weights), open_dataset(data), cache=False))

"""Checkpoints made to harm: code in pickles, archives that unpack to more than they are, tensors
that lie, cards that name paths.
"""

from __future__ import annotations

import ast
import builtins
import io
import json
import os
import pickle
import struct
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from astrojepa.checkpoints.errors import CheckpointError
from astrojepa.checkpoints.model import load_model
from astrojepa.checkpoints.weights import read_pickled
from astrojepa.training.state import load_state
from tests.hostile import examples

ROOT = Path(__file__).parents[2]


class Calls:
    """Calls something when it is unpickled."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return self.call


def payloads(trap: Path) -> list[Calls]:
    """Ways to make the file `trap` by unpickling."""
    code = f"open({str(trap)!r}, 'w').close()"
    return [
        Calls(os.system, f"touch {trap}"),
        Calls(builtins.exec, code),
        Calls(builtins.eval, f"__import__('os').system('touch {trap}')"),
        Calls(open, str(trap), "w"),
        Calls(Path.touch, trap),
        Calls(torch.load, io.BytesIO(pickle.dumps(Calls(builtins.exec, code)))),
        Calls(torch.save, {}, str(trap)),
        Calls(getattr, Calls(builtins.exec, code), "anything"),
    ]


@pytest.mark.parametrize("number", range(8))
@pytest.mark.parametrize("place", ["config", "optimizer", "model_state_dict", "the file itself"])
def test_no_pickled_call_is_made(number: int, place: str, tmp_path: Path) -> None:
    trap, path = tmp_path / "trap", tmp_path / "run" / "last.pt"
    path.parent.mkdir()
    payload = payloads(trap)[number]
    torch.save(
        payload if place == "the file itself" else {"format": 1, "network": {}, place: payload},
        path,
    )
    trap.unlink(missing_ok=True)  # writing some of them makes it
    for read in (
        load_model,
        read_pickled,
        lambda path: load_state(path, examples.tiny_config(), {}, torch.device("cpu")),
    ):
        with pytest.raises(CheckpointError, match="not opened, because such a file can run code"):
            read(path)
    assert not trap.exists()
    pickle.loads(pickle.dumps(payloads(trap)[1]))
    assert trap.exists(), "the payload is none"


def test_nothing_in_the_project_unpickles_freely() -> None:
    loads = []
    for path in [
        *(ROOT / "astrojepa").rglob("*.py"),
        *(ROOT / "app").rglob("*.py"),
        ROOT / "train.py",
    ]:
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            name, options = (
                ast.unparse(node.func),
                {word.arg: ast.unparse(word.value) for word in node.keywords},
            )
            assert name not in {
                "pickle.load",
                "pickle.loads",
                "pd.read_pickle",
                "joblib.load",
                "eval",
                "exec",
                "os.system",
            }, path
            assert options.get("allow_pickle", "False") == "False", path
            assert options.get("shell", "False") == "False", path
            if name == "torch.load":
                loads.append(options["weights_only"])
    assert loads == ["True"]


def saved(content: Any) -> bytes:
    stream = io.BytesIO()
    torch.save(content, stream)
    return stream.getvalue()


def repacked(raw: bytes, packing: int = zipfile.ZIP_STORED, **replaced: bytes) -> bytes:
    """An archive with records replaced by name (archive/data/0 is data_0) and packed anew."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as old, zipfile.ZipFile(out, "w", packing) as new:
        for name in old.namelist():
            new.writestr(
                name,
                replaced.get(
                    name.partition("/")[2].replace("/", "_").replace(".", "_"), old.read(name)
                ),
            )
    return out.getvalue()


def test_an_archive_that_unpacks_to_more_than_it_is_is_refused_unread(tmp_path: Path) -> None:
    bomb = repacked(
        saved({"format": 1, "network": torch.zeros(16)}),
        zipfile.ZIP_DEFLATED,
        data_0=bytes(200_000_000),
    )
    assert len(bomb) < 400_000
    (tmp_path / "bomb.pt").write_bytes(bomb)
    began = time.process_time()
    with pytest.raises(CheckpointError, match="compressed or declares 200,0"):
        load_model(tmp_path / "bomb.pt")
    assert time.process_time() - began < 1


def test_records_that_share_their_bytes_are_refused(tmp_path: Path) -> None:
    raw = saved({"format": 1, "network": torch.zeros(250_000)})
    start = raw.index(b"PK\x01\x02")
    end = raw.index(b"PK\x05\x06")
    entries = raw[start:end] * 50
    count = raw.count(b"PK\x01\x02") * 50
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, len(entries), start, 0)
    if (old := raw.find(b"PK\x06\x06")) >= 0:
        entries = raw[start:old] * 50
        tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, len(entries), start, 0)
    (tmp_path / "many.pt").write_bytes(raw[:start] + entries + tail)
    with pytest.raises(CheckpointError, match="declares 50,"):
        load_model(tmp_path / "many.pt")


def test_a_pickle_of_the_old_format_behind_an_archive_s_end_is_refused(tmp_path: Path) -> None:
    stream = io.BytesIO()
    torch.save({"format": 1}, stream, _use_new_zipfile_serialization=False)
    empty = io.BytesIO()
    with zipfile.ZipFile(empty, "w") as archive:
        archive.writestr("nothing", "")
    (tmp_path / "old.pt").write_bytes(stream.getvalue() + empty.getvalue())
    assert zipfile.is_zipfile(tmp_path / "old.pt")
    with pytest.raises(CheckpointError, match="expected the zip archive"):
        load_model(tmp_path / "old.pt")


def test_a_storage_that_is_shorter_than_it_says_is_not_read_beyond_its_end(tmp_path: Path) -> None:
    raw = saved({"format": 1, "network": torch.zeros(1000)})
    (tmp_path / "short.pt").write_bytes(repacked(raw, data_0=bytes(16)))
    with pytest.raises(CheckpointError):
        load_model(tmp_path / "short.pt")


def run(**changes: Any) -> dict[str, Any]:
    """The content of a run's last.pt, changed."""
    model = examples.tiny_model()
    content = {"format": 1, "config": model.config.to_dict(), "network": model.network.state_dict()}
    return content | {"normalisation": {"mean": [0.1, 0.2, 0.3], "std": [1.0, 1.0, 1.0]}} | changes


def with_first(change: Callable[[torch.Tensor], Any]) -> dict[str, Any]:
    """The tensors of the tiny model with one that is changed."""
    state = dict(examples.tiny_model().network.state_dict())
    name = "predictor.out.weight"
    return {**state, name: change(state[name])}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network": [1, 2]}, "holds no tensors by name"),
        ({"network": {"a": 1}}, "holds no tensors by name"),
        ({"network": None}, "holds no tensors by name"),
        ({"config": {"model": {"width": 10**400}}}, "`width` is 1000.* … .*must lie in"),
        ({"config": {"optim": {"learning_rate": 10**400}}}, "too large a number"),
        ({"config": {"image": {"crop_fraction": float("nan")}}}, "`crop_fraction` is nan"),
        (
            {"normalisation": {"mean": [0, 0, 0], "std": [1, float("nan"), 1]}},
            "3 positive deviations",
        ),
        (
            {"normalisation": {"mean": [0, 0, 0], "std": [1, float("inf"), 1]}},
            "3 positive deviations",
        ),
        ({"normalisation": {"mean": [0, 0, 10**400], "std": [1, 1, 1]}}, "cannot use"),
        ({"normalisation": "mean"}, "cannot use"),
        (
            {"config": {"model": {"depth": 48, "width": 2048, "heads": 32}}},
            "at most 1,000,000,000 are accepted",
        ),
        ({"config": {"x" * 5000 + "\x1b[31m\n": 1}}, "unknown settings xxx"),
    ],
)
def test_what_a_run_holds_is_judged_before_anything_is_built(
    changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    (tmp_path / "last.pt").write_bytes(saved(run(**changes)))
    began = time.process_time()
    with pytest.raises(CheckpointError, match=message) as caught:
        load_model(tmp_path / "last.pt")
    assert time.process_time() - began < 2
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    "change",
    [
        lambda tensor: tensor.to_sparse(),
        lambda tensor: tensor.to(torch.complex64),
        lambda tensor: torch.full_like(tensor, float("inf")),
        lambda tensor: torch.full_like(tensor, float("nan")),
        lambda tensor: tensor[:-1],
        lambda tensor: torch.zeros(1).expand(10**12),
        lambda tensor: tensor.double().numpy().tolist(),
    ],
    ids=[
        "sparse",
        "complex",
        "infinite",
        "no number",
        "another shape",
        "a terabyte that is one number",
        "a list",
    ],
)
def test_tensors_that_are_no_plain_finite_numbers_of_their_shape_are_refused(
    change: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "last.pt").write_bytes(saved(run(network=with_first(change))))
    with pytest.raises(CheckpointError):
        load_model(tmp_path / "last.pt")


@pytest.mark.parametrize(
    "entry",
    [
        {"dtype": "F32", "shape": [2**62, 4], "data_offsets": [0, 2**64 - 16]},
        {"dtype": "F32", "shape": [4], "data_offsets": [0, 10**9]},
        {"dtype": "F32", "shape": [4], "data_offsets": [16, 0]},
        {"dtype": "F32", "shape": [2**32, 2**32], "data_offsets": [0, 16]},
        {"dtype": "F4", "shape": [8], "data_offsets": [0, 16]},
        {"dtype": "F32", "shape": [1] * 5000, "data_offsets": [0, 4]},
    ],
)
def test_a_safetensors_header_that_lies_is_refused(entry: dict[str, Any], tmp_path: Path) -> None:
    weights = examples.released(tmp_path)
    card = json.loads(weights.with_suffix(".json").read_text())
    header = json.dumps({"encoder.positions.table": entry}).encode()
    weights.write_bytes(struct.pack("<Q", len(header)) + header + bytes(16))
    examples.fit_card(weights, card)
    with pytest.raises(CheckpointError):
        load_model(weights)


@pytest.mark.parametrize(
    "name", ["../../../etc/passwd", "/etc/passwd", "a/b", "\x1b[31m", "x" * 500, "", 7, ["x"], None]
)
def test_a_card_s_id_is_a_plain_name(name: Any, tmp_path: Path) -> None:
    weights = examples.released(tmp_path)
    card = json.loads(weights.with_suffix(".json").read_text())
    examples.fit_card(weights, card | {"id": name})
    with pytest.raises(CheckpointError, match="id"):
        load_model(weights)

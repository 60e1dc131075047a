"""Every kind of write that a process can be killed in: how it is written, version after version,
and how it is read.

`write(folder, version)` replaces or adds to what the folder holds; `read(folder)` asserts that
everything in it is whole and returns the version. All go through the package's own functions, so
that what is killed here is what is killed at somebody's desk.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np
import torch

from astrojepa.cache import load_arrays, save_arrays
from astrojepa.checkpoints.model import Model, load_model, save_released
from astrojepa.checkpoints.weights import build_network, read_pickled
from astrojepa.config import replace
from astrojepa.data import open_dataset
from astrojepa.data.dataset import Dataset
from astrojepa.data.download.galaxy10 import download
from astrojepa.data.download.known_files import KnownFile
from astrojepa.data.frames import open_pictures, write_pictures
from astrojepa.data.pack import pack
from astrojepa.data.simulate.simulator import simulate
from astrojepa.evaluation.vectors.embed_shards import embed_shards
from astrojepa.evaluation.vectors.hats_store import write_hats
from astrojepa.evaluation.vectors.shards import read_shards
from astrojepa.evaluation.vectors.simulated_store import Mixture, simulate_store
from astrojepa.evaluation.vectors.sorted_store import write_sorted
from astrojepa.evaluation.vectors.store import Store, open_store
from astrojepa.evaluation.vectors.store_index import open_index
from astrojepa.evaluation.vectors.stored import read_vectors as read_files
from astrojepa.files import read_json, write_json, write_records
from astrojepa.presets import preset
from astrojepa.runs import append_metrics, forget_metrics_after, read_metrics
from astrojepa.training.state import TrainState, make_optimizer
from tests.tiny_run import TINY

CONFIG = replace(preset("small.sigreg06"), **TINY)
SHAPE = (64, 64, 64, 3)
DOWNLOADED = np.random.default_rng(0).bytes(300_000)
ROWS = 400


@dataclass(frozen=True)
class Kind:
    """One kind of write, and how long one takes, so that kills fall into it."""

    write: Callable[[Path, int], None]
    read: Callable[[Path], int]
    span: float  # seconds that a writer is given at most
    lines: int  # that one version executes in the modules that write
    # what a process does first that goes on with `version`
    begin: Callable[[Path, int], None] = lambda folder, version: None


def write_arrays(folder: Path, version: int) -> None:
    save_arrays(
        folder / "embeddings-key.npz",
        vectors=np.full(200_000, version),
        more=np.full(1000, version),
    )


def read_arrays(folder: Path) -> int:
    arrays = load_arrays(folder / "embeddings-key.npz")
    assert arrays is not None, "the cached arrays are lost"
    (version,) = {int(value) for array in arrays.values() for value in np.unique(array)}
    return version


def write_frames(folder: Path, version: int) -> None:
    blocks = (np.full((8, *SHAPE[1:]), version % 256, np.uint8) for _ in range(8))
    write_pictures(folder / "frames-key.npy", SHAPE, blocks, False, "reading galaxies")
    save_arrays(folder / "version.npz", version=np.array([version]))


def read_frames(folder: Path) -> int:
    pictures, noted = (
        open_pictures(folder / "frames-key.npy", SHAPE),
        load_arrays(folder / "version.npz"),
    )
    assert pictures is not None, "the frames are lost"
    assert noted is not None
    (shade,), version = np.unique(pictures), int(noted["version"][0])
    return version if shade == version % 256 else version + 1


def write_simulation(folder: Path, version: int) -> None:
    os.environ["ASTROJEPA_CACHE"] = str(folder)
    simulate(8, seed=version, size=32)


def read_simulation(folder: Path) -> int:
    os.environ["ASTROJEPA_CACHE"] = str(folder)
    for path in folder.glob("*.npy"):
        assert np.load(path).shape == (8, 32, 32, 3)
    whole = [
        int(path.name.split("-")[2])
        for path in folder.glob("*.npz")
        if np.load(path)["truths"].shape[0] == 8
    ]
    assert sorted(whole) == list(range(len(whole)))
    return len(whole) - 1


def write_log(folder: Path, version: int) -> None:
    if version % 3 == 0:  # as a run does that is resumed
        forget_metrics_after(folder, version - 1)
    append_metrics(folder, {"step": version, "text": str(version) * 400})


def read_log(folder: Path) -> int:
    rows = read_metrics(folder)
    assert [row["step"] for row in rows] == list(range(len(rows))), (
        "lines are lost or written twice"
    )
    assert all(row["text"] == str(row["step"]) * 400 for row in rows)
    return len(rows) - 1


def tiny_network(version: int) -> Any:
    network = build_network(CONFIG, torch.device("cpu"))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(version)
    return network


def version_of(network: dict[str, torch.Tensor], names: list[str]) -> int:
    (version,) = {int(value) for name in names for value in network[name].unique().tolist()}
    return version


PARAMETERS = [name for name, _ in build_network(CONFIG, torch.device("cpu")).named_parameters()]


def write_state(folder: Path, version: int) -> None:
    network = tiny_network(version)
    state = TrainState(
        CONFIG,
        network,
        make_optimizer(network, CONFIG),
        {"normalisation": {}, "data": {}},
        step=version,
    )
    state.save(folder / "last.pt")
    state.save_weights(folder / "best.pt")


def read_state(folder: Path) -> int:
    last, best = (read_pickled(folder / name) for name in ("last.pt", "best.pt"))
    for content in (last, best):
        assert version_of(content["network"], PARAMETERS) == content["step"]
    assert best["step"] in (last["step"], last["step"] - 1)
    return int(best["step"])


def write_release(folder: Path, version: int) -> None:
    half = (0.5, 0.5, 0.5)
    model = Model(
        "tiny.killed", CONFIG, {}, "", half, half, tiny_network(version % 2048), torch.device("cpu")
    )
    save_released(model, folder, {"id": "tiny.killed", "version": version})


def read_release(folder: Path) -> int:
    model = load_model(folder / "tiny.killed.safetensors")
    assert (
        version_of(dict(model.network.named_parameters()), PARAMETERS)
        == model.card["version"] % 2048
    )
    return int(model.card["version"])


def write_download(folder: Path, version: int) -> None:
    known = KnownFile("the file of this test", (folder / "sha256").read_text(), len(DOWNLOADED))
    download(folder / f"{version}.h5", (folder / "url").read_text(), known, http_on_loopback=True)


def read_download(folder: Path) -> int:
    whole = sorted(int(path.stem) for path in folder.glob("*.h5"))
    assert all((folder / f"{version}.h5").read_bytes() == DOWNLOADED for version in whole)
    assert all(DOWNLOADED.startswith(part.read_bytes()) for part in folder.glob("*.part"))
    assert whole == list(range(len(whole)))
    return len(whole) - 1


def galaxies(count: int = 12) -> Dataset:
    pictures = np.random.default_rng(1).integers(0, 256, (count, 20, 20, 3), dtype=np.uint8)
    unknown, rows = np.full(count, np.nan), np.arange(count)
    reader = SimpleNamespace(read=pictures.__getitem__)
    more = {"ra": unknown, "dec": unknown, "redshift": unknown, "source_hash": "memory"}
    return Dataset(
        "memory", reader, rows, np.char.add("g", rows.astype(str)), rows % 2, ("a", "b"), **more
    )


def write_pack(folder: Path, version: int) -> None:
    pack(galaxies(), folder / str(version), 16)


def read_pack(folder: Path) -> int:
    whole = sorted(int(path.name) for path in folder.iterdir() if path.name.isdecimal())
    for version in whole[-2:]:
        data = open_dataset(folder / str(version))
        assert [data[row].image.shape for row in range(len(data))] == [(16, 16, 3)] * 12
    assert whole == list(range(len(whole)))
    return len(whole) - 1


def write_shards(folder: Path, version: int) -> None:
    model = SimpleNamespace(
        id="stand.in",
        hash="cafe",
        width=4,
        config=CONFIG,
        mean=(0.5,) * 3,
        std=(0.5,) * 3,
        device=torch.device("cpu"),
    )
    model.encode = lambda frames: np.full((len(frames), 4), version, np.float32)
    embed_shards(model, galaxies(ROWS), folder / str(version), block_size=20)  # type: ignore[arg-type]


def read_vectors(folder: Path) -> int:
    begun = sorted(int(path.name) for path in folder.iterdir() if path.name.isdecimal())
    for version in begun:
        try:
            found = read_shards(folder / str(version))
        except FileNotFoundError:  # unfinished
            assert version == begun[-1], "a finished embedding is lost"
            return version - 1
        assert (found.vectors == version).all()
        assert found.ids.tolist() == [f"g{row}" for row in range(ROWS)]
    return begun[-1]


def write_store(folder: Path, version: int) -> None:
    simulate_store(Mixture(3000, width=12, seed=version), folder / f"store {version}")


def read_store(folder: Path) -> int:
    begun = sorted(int(path.name.split()[1]) for path in folder.glob("store *"))
    for version in begun:
        try:
            found = read_files(folder / f"store {version}")
        except FileNotFoundError:  # unfinished
            assert version == begun[-1], "a finished store is lost"
            return version - 1
        drawn = Mixture(3000, width=12, seed=version).group(0)["vector"]
        np.testing.assert_array_equal(found.vectors[: len(drawn)], drawn)
        assert len(found) == 3000
    return begun[-1]


def source(folder: Path, version: int = 0) -> Store:
    """A store that the writers below begin with."""
    simulate_store(Mixture(600, width=12, seed=version), folder / f"source {version}")
    return open_store(folder / f"source {version}")


def write_order(folder: Path, version: int) -> None:
    order = np.roll(np.arange(600), version)
    write_sorted(source(folder), order, {}, folder / f"sorted {version}", {})


def write_catalogue(folder: Path, version: int) -> None:
    write_hats(source(folder), folder / f"hats {version}", partition=100, half=False)


def read_copies(folder: Path) -> int:
    """All copies of the source are whole: they have its galaxies, in some order."""
    whole = source(folder).read()
    begun = sorted(
        (int(path.name.split()[1]), path)
        for path in folder.iterdir()
        if path.name.split()[0] in ("sorted", "hats")
    )
    expected = whole.vectors[np.argsort(whole.known["id"])]
    for _, path in begun:
        found = open_store(path).read()
        np.testing.assert_array_equal(found.vectors[np.argsort(found.known["id"])], expected)
    assert [version for version, _ in begun] == list(range(len(begun))), "a copy is lost"
    return len(begun) - 1


def write_index(folder: Path, version: int) -> None:
    with patch.dict(os.environ, ASTROJEPA_CACHE=str(folder / "cache")):
        open_index(source(folder, version))


def read_index(folder: Path) -> int:
    """Every index that is there is whole, and finds what was indexed."""
    begun = sorted(folder.glob("cache/neighbours-*"))
    with patch.dict(os.environ, ASTROJEPA_CACHE=str(folder / "cache")):
        for version in range(len(begun)):
            index = open_index(source(folder, version))
            assert sorted(folder.glob("cache/neighbours-*")) == begun, "it had to be built again"
            distances, _ = index.nearest(np.arange(5), 3)
            assert np.isfinite(distances).all()
    return len(begun) - 1


def write_tables(folder: Path, version: int) -> None:
    rows = [{"id": str(row), "version": version} for row in range(300)]
    write_records(folder / "table.csv", rows)
    write_json(folder / "report.json", {"version": version, "rows": rows})


def read_tables(folder: Path) -> int:
    report, lines = (
        read_json(folder / "report.json"),
        (folder / "table.csv").read_text().splitlines(),
    )
    assert {row["version"] for row in report["rows"]} == {report["version"]}
    (version,) = {int(line.split(",")[1]) for line in lines[1:]}
    assert len(lines) == 301
    assert report["version"] in (version, version - 1)
    return int(report["version"])


KINDS: dict[str, Kind] = {
    "cached arrays": Kind(write_arrays, read_arrays, 0.03, 29),
    "frames": Kind(write_frames, read_frames, 0.03, 54),
    "simulation": Kind(write_simulation, read_simulation, 0.2, 66),
    "run log": Kind(
        write_log,
        read_log,
        0.01,
        27,
        begin=lambda folder, version: forget_metrics_after(folder, version - 1),
    ),
    "last.pt and best.pt": Kind(write_state, read_state, 0.06, 50),
    "released weights": Kind(write_release, read_release, 0.06, 50),
    "download": Kind(write_download, read_download, 0.2, 450),
    "data pack": Kind(write_pack, read_pack, 0.1, 25),
    "shards": Kind(write_shards, read_vectors, 0.3, 550),
    "simulated store": Kind(write_store, read_store, 0.1, 25),
    "sorted store": Kind(write_order, read_copies, 0.1, 25),
    "HATS catalogue": Kind(write_catalogue, read_copies, 0.2, 25),
    "neighbour index": Kind(write_index, read_index, 0.2, 50),
    "tables and reports": Kind(write_tables, read_tables, 0.03, 50),
}

"""A folder of shards: what is in it, and how damage and strangers are noticed when it is read."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from astrojepa.data.dataset import Dataset
from astrojepa.evaluation.vectors.embed import embed
from astrojepa.evaluation.vectors.embed_shards import embed_shards
from astrojepa.evaluation.vectors.shards import read_shards
from tests.evaluation.vectors.shard_world import assert_equal, one_after_the_other, pictures, spoil

MakeData = Callable[..., Dataset]


@pytest.fixture
def model(make_stand_in: Callable[..., Any]) -> Any:
    made = make_stand_in()
    made.id = "stand.in"
    return made


@pytest.fixture
def become(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, int], None]:
    return one_after_the_other(monkeypatch)


def test_a_shard_opens_anywhere_and_says_whose_it_is(
    model: Any, make_dataset: MakeData, tmp_path: Path
) -> None:
    data = make_dataset(pictures(3), labels=[2, -1, 0])
    data = dataclasses.replace(
        data, ra=np.array([10.5, np.nan, 0.0]), dec=np.array([np.nan, -3.0, 90.0])
    )
    embed_shards(model, data, tmp_path)
    table = parquet.read_table(tmp_path / "shard-00000-of-00001.parquet")
    known = {"id": ["g0", "g1", "g2"], "row": [0, 1, 2], "label": ["edge-on", None, "spiral"]}
    known |= {"ra": [10.5, None, 0.0], "dec": [None, -3.0, 90.0]}
    assert {name: table[name].to_pylist() for name in known} == known
    assert table.schema.field("vector").type == pa.list_(pa.float32(), 6)
    said = {key.decode(): value.decode() for key, value in table.schema.metadata.items()}
    assert (said["model"], said["model_hash"], said["width"]) == ("stand.in", model.hash, "6")
    assert (said["data"], said["data_fingerprint"], said["count"]) == (
        "memory",
        data.fingerprint,
        "3",
    )


def test_galaxies_without_labels_are_minus_one(
    model: Any, make_dataset: MakeData, tmp_path: Path
) -> None:
    data = dataclasses.replace(make_dataset(pictures(5)), classes=())
    embed_shards(model, data, tmp_path, block_size=2)
    found = read_shards(tmp_path)
    assert found.labels.tolist() == [-1] * 5
    assert found.classes == ()


@pytest.mark.parametrize("damage", ["cut", "empty", "altered"])
def test_a_damaged_shard_is_refused_and_can_be_made_again(
    model: Any,
    make_dataset: MakeData,
    tmp_path: Path,
    damage: str,
    become: Callable[[int, int], None],
) -> None:
    data, shard = make_dataset(pictures(12)), tmp_path / "shard-00001-of-00002.parquet"
    for rank in range(2):
        become(rank, 2)
        embed_shards(model, data, tmp_path, block_size=4)
    spoil(shard, damage)
    with pytest.raises(
        ValueError,
        match=f"{shard.name} is damaged .*; delete it and start the same embed command again",
    ):
        read_shards(tmp_path)
    shard.unlink()
    assert embed_shards(model, data, tmp_path, block_size=4).num_found == 2
    assert model.encoded == 16, "only the 4 galaxies of that shard"
    assert_equal(read_shards(tmp_path), embed(model, data, cache=False))


def test_a_shard_under_the_name_of_another_is_noticed(
    model: Any, make_dataset: MakeData, tmp_path: Path, become: Callable[[int, int], None]
) -> None:
    for rank in range(2):
        become(rank, 2)
        embed_shards(model, make_dataset(pictures(16)), tmp_path, block_size=4)
    first, second = (tmp_path / f"shard-0000{rank}-of-00002.parquet" for rank in range(2))
    first.write_bytes(second.read_bytes())
    with pytest.raises(ValueError, match=r"shard-00000-of-00002.parquet lacks rows 0 to 3"):
        read_shards(tmp_path)
    first.rename(tmp_path / "shard-00000-of-00003.parquet")
    with pytest.raises(ValueError, match="holds shards of 2 and of 3 processes; keep one set"):
        read_shards(tmp_path)


def test_a_stray_shard_of_another_model_is_neither_read_nor_overwritten(
    model: Any, make_dataset: MakeData, tmp_path: Path
) -> None:
    data, shard = make_dataset(pictures(6)), "shard-00000-of-00001.parquet"
    embed_shards(model, data, tmp_path / "a")
    model.hash = "0ther"
    embed_shards(model, data, tmp_path / "b")
    stray = (tmp_path / "a" / shard).read_bytes()
    (tmp_path / "b" / shard).write_bytes(stray)
    for use in (
        lambda: read_shards(tmp_path / "b"),
        lambda: embed_shards(model, data, tmp_path / "b"),
    ):
        with pytest.raises(
            ValueError,
            match=f"{shard} is of another embedding than the manifest.json of its folder",
        ):
            use()
    assert (tmp_path / "b" / shard).read_bytes() == stray


def test_a_folder_of_something_else_is_refused(
    model: Any, make_dataset: MakeData, tmp_path: Path
) -> None:
    data = make_dataset(pictures(2))
    with pytest.raises(
        FileNotFoundError,
        match=r"nowhere has no manifest\.json; give a folder that the embed command wrote",
    ):
        read_shards(tmp_path / "nowhere")
    (tmp_path / "manifest.json").write_text('{"name": "web page"}')
    for use in (lambda: read_shards(tmp_path), lambda: embed_shards(model, data, tmp_path)):
        with pytest.raises(
            ValueError,
            match=r"manifest.json is no manifest of vectors .*found \['name'\]; give another "
            r"folder",
        ):
            use()
    with pytest.raises(ValueError, match="is a file; name a folder for the shards"):
        embed_shards(model, data, tmp_path / "manifest.json")
    with pytest.raises(ValueError, match="has 0 galaxies to embed"):
        embed_shards(model, data.subset([]), tmp_path / "out")


@pytest.mark.parametrize("name", ["model", "settings", "classes"])
def test_a_manifest_that_names_half_a_letter_is_refused(
    model: Any, make_dataset: MakeData, tmp_path: Path, name: str
) -> None:
    embed_shards(model, make_dataset(pictures(2)), tmp_path)
    facts = json.loads((tmp_path / "manifest.json").read_text())
    facts[name] = {"settings": {"a": "\ud800"}, "classes": ["\ud800"]}.get(name, "\ud800")
    (tmp_path / "manifest.json").write_text(json.dumps(facts))
    with pytest.raises(ValueError, match=f"holds no usable {name}"):
        read_shards(tmp_path)

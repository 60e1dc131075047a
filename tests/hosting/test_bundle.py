"""A bundle is opened whole or not at all: every lie that bundle.json or the folder can tell is a
sentence.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from astrojepa.checkpoints import bundle as bundles
from astrojepa.checkpoints.bundle import MANIFEST, BundleError, open_bundle, seal_bundle

NAMES = [
    "data/g/labels.csv",
    "data/g/images/0.jpg",
    "checkpoints/m.safetensors",
    "checkpoints/m.json",
    "cache/scores-0.npz",
]
HASH = "0" * 64


def files(sealed: Path) -> dict[str, Any]:
    return json.loads((sealed / MANIFEST).read_text())["files"]


def test_a_whole_bundle_says_where_its_parts_are(sealed: Path) -> None:
    found = open_bundle(sealed)
    assert found.data == str(sealed / "data" / "g")
    assert found.weights("m") == sealed / "checkpoints" / "m.safetensors"
    assert found.checkpoints == {"m": files(sealed)["checkpoints/m.safetensors"][1]}
    assert found.cache == sealed / "cache"
    assert found.num_bytes == sum(len(name) for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_one_changed_byte_is_refused(sealed: Path, name: str) -> None:
    content = bytearray((sealed / name).read_bytes())
    content[0] ^= 1
    (sealed / name).write_bytes(content)
    with pytest.raises(
        BundleError, match=rf"{name} has SHA-256 .*…, bundle.json says .*…; fetch it"
    ):
        open_bundle(sealed)


def test_a_file_of_another_length_is_refused_before_it_is_read(
    sealed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (sealed / NAMES[2]).open("wb") as stream:
        stream.truncate(10**13)  # a hole of 10 TB
    monkeypatch.setattr(bundles, "_sha256", lambda path: pytest.fail(f"{path} was read"))
    with pytest.raises(BundleError, match=r"has 10,000,000,000,000 bytes, bundle.json says 25"):
        open_bundle(sealed)


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_file_is_named(sealed: Path, name: str) -> None:
    (sealed / name).unlink()
    with pytest.raises(BundleError, match=f"lacks {name}"):
        open_bundle(sealed)


@pytest.mark.parametrize(
    "name", ["data/g/images/1.jpg", "checkpoints/other.safetensors", "cache/.hidden", "README.md"]
)
def test_a_file_that_is_not_listed_is_refused(sealed: Path, name: str) -> None:
    (sealed / name).write_bytes(b"x")
    with pytest.raises(BundleError, match=f"does not list, {name}"):
        open_bundle(sealed)


def test_links_and_pipes_are_refused(sealed: Path) -> None:
    secret = sealed.parent / "secret"
    secret.write_bytes((sealed / NAMES[1]).read_bytes())
    (sealed / NAMES[1]).unlink()
    (sealed / NAMES[1]).symlink_to(secret)
    with pytest.raises(BundleError, match=r"0.jpg is a link or no plain file"):
        open_bundle(sealed)
    (sealed / NAMES[1]).unlink()
    os.mkfifo(sealed / NAMES[1])
    with pytest.raises(BundleError, match=r"0.jpg is a link or no plain file"):
        open_bundle(sealed)


def test_a_folder_that_is_a_link_is_refused(sealed: Path) -> None:
    (sealed / "cache").rename(sealed.parent / "elsewhere")
    (sealed / "cache").symlink_to(sealed.parent / "elsewhere")
    with pytest.raises(BundleError, match="cache is a link"):
        open_bundle(sealed)


@pytest.mark.parametrize(
    "name",
    [
        "../outside",
        "/etc/passwd",
        "data/../../outside",
        "data/g/..",
        "data//g",
        "data/./g",
        "data/g/.hidden",
        "data\\..\\outside",
        "elsewhere/file",
        "bundle.json",
        "data",
        "",
        "data/g/\0",
        "data/g/a\n",
        "data/" + "x" * 101,
        "data" + "/x" * 9,
    ],
)
def test_a_name_that_leaves_the_bundle_is_refused_before_any_file_is_looked_at(
    edit: Callable[..., Path], sealed: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    edit(files=files(sealed) | {name: [1, HASH]})
    monkeypatch.setattr(bundles, "_found", lambda root: pytest.fail("the folder was looked at"))
    with pytest.raises(BundleError, match="which is no file of a bundle"):
        open_bundle(sealed)


@pytest.mark.parametrize(
    "entry",
    [
        None,
        7,
        "x",
        [],
        [1],
        [1, HASH, 0],
        [True, HASH],
        [-1, HASH],
        [1.5, HASH],
        ["1", HASH],
        [1, "0" * 63],
        [1, "G" * 64],
        [1, 7],
    ],
)
def test_an_entry_that_is_not_bytes_and_hash_is_refused(
    edit: Callable[..., Path], sealed: Path, entry: Any
) -> None:
    with pytest.raises(BundleError, match=r"must give cache/x as \[bytes, sha256\]"):
        open_bundle(edit(files=files(sealed) | {"cache/x": entry}))


def test_sizes_are_bounded_together(edit: Callable[..., Path], sealed: Path) -> None:
    with pytest.raises(BundleError, match=r"lists 4.0 GB; a bundle holds at most 4 GB"):
        open_bundle(edit(files=files(sealed) | {"cache/x": [bundles.MAX_BYTES, HASH]}))
    with pytest.raises(BundleError, match="at most 4 GB"):
        open_bundle(edit(files=files(sealed) | {"cache/x": [10**400, HASH]}))


@pytest.mark.parametrize(
    "value", [None, [], {}, "files", {f"cache/{k}": [1, HASH] for k in range(9)}]
)
def test_the_list_itself_is_bounded(
    edit: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, value: Any
) -> None:
    monkeypatch.setattr(bundles, "MAX_FILES", 8)
    with pytest.raises(BundleError, match="must list 1 to 8 files"):
        open_bundle(edit(files=value))


@pytest.mark.parametrize("number", [None, 0, 2, "1", [1]])
def test_another_format_is_refused(edit: Callable[..., Path], number: Any) -> None:
    with pytest.raises(BundleError, match="is a bundle of format"):
        open_bundle(edit(format=number))


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"{", b"\xff\xfe", b"[" * 100_000, b'{"format": 1e999}']
)
def test_what_is_no_json_object_is_a_sentence(sealed: Path, text: bytes) -> None:
    (sealed / MANIFEST).write_bytes(text)
    with pytest.raises(BundleError, match=MANIFEST):
        open_bundle(sealed)


def test_a_huge_list_is_refused_unread(sealed: Path) -> None:
    with (sealed / MANIFEST).open("wb") as stream:
        stream.truncate(bundles.MAX_MANIFEST_BYTES + 1)
    with pytest.raises(BundleError, match="more than the 64,000,000 allowed"):
        open_bundle(sealed)


@pytest.mark.parametrize(
    "source",
    [
        None,
        "",
        "/etc",
        "..",
        "data",
        "data/..",
        "data/h",
        "data/g/images",
        "simulated:99999999",
        "simulated:1:2:3",
        "simulated:x",
    ],
)
def test_galaxies_from_elsewhere_are_refused(edit: Callable[..., Path], source: Any) -> None:
    with pytest.raises(BundleError, match="galaxies"):
        open_bundle(edit(data={"source": source, "source_hash": HASH}))


def test_simulated_galaxies_are_named(edit: Callable[..., Path]) -> None:
    assert (
        open_bundle(edit(data={"source": "simulated:200:7", "source_hash": "simulated"})).data
        == "simulated:200:7"
    )


@pytest.mark.parametrize("names", [None, [], "m", ["n"], ["m", "../m"], [["m"]], ["m/../m"], [7]])
def test_a_checkpoint_that_is_not_in_the_bundle_is_refused(
    edit: Callable[..., Path], names: Any
) -> None:
    with pytest.raises(BundleError, match="checkpoint"):
        open_bundle(edit(checkpoints=names))


def test_what_is_no_bundle_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"holds no bundle.json; give the folder"):
        open_bundle(tmp_path)


def test_sealing_again_gives_the_same_list(sealed: Path) -> None:
    before = (sealed / MANIFEST).read_bytes()
    content = json.loads(before)
    seal_bundle(sealed, {name: content[name] for name in ("created_by", "data", "checkpoints")})
    assert (sealed / MANIFEST).read_bytes() == before


def test_released_weights_are_named_by_hash_instead_of_held(edit: Callable[..., Path]) -> None:
    found = open_bundle(edit(released={"small.mine": HASH}))
    assert (found.released, list(found.checkpoints)) == ({"small.mine": HASH}, ["m"])
    assert open_bundle(edit(checkpoints=[], released={"small.mine": HASH})).checkpoints == {}


@pytest.mark.parametrize(
    "released",
    ["small.mine", ["small.mine"], {"../mine": HASH}, {"small.mine": "x"}, {"small.mine": 3}],
)
def test_other_than_ids_and_hashes_are_no_released_weights(
    edit: Callable[..., Path], released: Any
) -> None:
    with pytest.raises(BundleError, match="must give weights under 'released' as id and sha256"):
        open_bundle(edit(released=released))

"""What a hosted explorer serves is a list of names and hashes; neither an address nor a changed
file adds to it.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

import astrojepa as aj
from app.server import serving
from app.server.serving import Listed, Listing, Source, listing, read_list
from app.server.settings import read_settings
from app.session import opening
from app.session.workspace import BASELINE, RANDOM, model_choices
from astrojepa import cache
from astrojepa.checkpoints import card as cards
from astrojepa.checkpoints.bundle import DEMO, MANIFEST, BundleError
from astrojepa.checkpoints.model import Model, save_released
from tests.app.page_runner import QUIET, run_page, words

HASH = "0" * 64


@pytest.fixture(autouse=True)
def nothing_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read every list anew."""
    monkeypatch.setattr(serving, "_read", {})


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write a list."""

    def written(**parts: Any) -> Path:
        (tmp_path / "list.json").write_text(json.dumps({"format": 1} | parts))
        return tmp_path / "list.json"

    return written


def test_a_bundle_is_what_is_served_and_its_arrays_are_read_first(bundle: Path) -> None:
    settings = read_settings(["--bundle", str(bundle)], {})
    assert [source.name for source in settings.offered(hosted=True)] == ["survey", "simulated"]
    assert [entry.id for entry in settings.listing.checkpoints] == ["small.tiny"]
    assert cache._supplied == [DEMO / "cache", bundle / "cache"]
    assert read_settings([], {"ASTROJEPA_BUNDLE": str(bundle)}) == settings


def test_a_bundle_at_hand_is_opened_unless_something_else_is_asked_for(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.server.settings.BUNDLE", bundle)
    assert read_settings([], {}).sources[0].name == "survey"
    assert [source.name for source in read_settings(["--data", "simulated:50"], {}).sources] == [
        "simulated:50"
    ]


def test_a_damaged_bundle_stays_refused_without_being_read_again(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = Path(shutil.copytree(bundle, tmp_path / "copy"))
    (copy / "checkpoints" / "small.tiny.json").write_text("{}")
    with pytest.raises(BundleError, match=r"small.tiny.json has 2 bytes"):
        read_settings(["--bundle", str(copy)], {})
    monkeypatch.setattr(serving, "open_bundle", lambda folder: pytest.fail("read again"))
    with pytest.raises(BundleError, match=r"small.tiny.json has 2 bytes"):
        read_settings(["--bundle", str(copy)], {})


def test_a_list_names_galaxies_and_checkpoints_relative_to_itself(
    write: Callable[..., Path],
) -> None:
    path = write(
        data={
            "mine": {
                "path": "survey",
                "sha256": HASH,
                "where": ["label=round"],
                "label_column": "label",
            }
        },
        checkpoints={"small.mine": {"path": "mine.safetensors", "sha256": HASH}},
    )
    found = read_list(path)
    assert found.sources == (
        Source(
            str(path.parent / "survey"), ("label=round",), "label", source_hash=HASH, title="mine"
        ),
    )
    assert found.checkpoints == (Listed("small.mine", str(path.parent / "mine.safetensors"), HASH),)
    assert found.sources[0].name == "mine"


@pytest.mark.parametrize(
    "parts",
    [
        {"format": 2},
        {"more": 1},
        {"data": []},
        {"data": {"a/b": {"path": "x", "sha256": HASH}}},
        {"data": {"": {"path": "x", "sha256": HASH}}},
        {"data": {"a": "x"}},
        {"data": {"a": {"path": 1, "sha256": HASH}}},
        {"data": {"a": {"path": "x"}}},
        {"data": {"a": {"path": "x", "sha256": "0" * 63}}},
        {"data": {"a": {"path": "x", "sha256": HASH, "skip_corrupt": True}}},
        {"data": {"a": {"path": "x", "sha256": HASH, "where": "label=round"}}},
        {"data": {"a": {"path": "x", "sha256": HASH, "label_column": 1}}},
        {"data": {str(k): {"path": "x", "sha256": HASH} for k in range(101)}},
        {"checkpoints": {"a": {"path": "x.pt", "sha256": HASH}}},
        {"checkpoints": {"a": {"path": "x.pth", "sha256": HASH}}},
    ],
)
def test_a_bad_list_is_a_sentence(write: Callable[..., Path], parts: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"list\.json"):
        listing("", str(write(**parts)))


def test_a_list_that_is_missing_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="give a JSON file to --allow"):
        read_settings(["--allow", str(tmp_path / "none.json")], {})


def test_strangers_are_offered_what_is_listed_and_simulated_galaxies_alone(
    bundle: Path, pictures: Path
) -> None:
    settings = read_settings(
        ["--bundle", str(bundle), "--data", str(pictures), "--data", "simulated-survey"], {}
    )
    assert [source.path for source in settings.offered(hosted=True)] == [
        str(bundle / "data" / "survey"),
        "simulated",
    ]
    assert str(pictures) in [source.path for source in settings.offered(hosted=False)]


def test_strangers_are_offered_no_run_and_no_loaded_file(bundle: Path) -> None:
    found = listing(str(bundle), "")
    labels = [choice.label for choice in model_choices(True, ["/runs/mine", "/x.pt"], found)]
    assert labels[0] == "small.tiny"
    assert set(labels[1:-2]) == {path.stem for path in cards.CHECKPOINTS.glob("*.safetensors")}
    assert {choice.reference for choice in model_choices(True, [], Listing())} == {RANDOM, BASELINE}
    assert "/x.pt" in [choice.reference for choice in model_choices(False, ["/x.pt"], found)]


def test_galaxies_that_changed_since_they_were_listed_are_not_served(
    bundle: Path, tmp_path: Path
) -> None:
    source = listing(str(bundle), "").sources[0]
    assert len(opening.open_source(source)(print)) == 60
    copy = Path(shutil.copytree(source.path, tmp_path / "survey"))
    table = (copy / "labels.csv").read_text()
    (copy / "labels.csv").write_text(table.replace("round", "oblong"))
    with pytest.raises(
        ValueError, match=r"survey is not served: its hash is .*…, but this server's list has"
    ):
        opening.open_source(Source(str(copy), source_hash=source.source_hash))(print)


def test_the_columns_of_a_catalogue_open_with_the_galaxies(
    galaxy_folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "mass.csv").write_text(
        "id,mass\n" + f"{aj.open_dataset(galaxy_folder).ids[0]},9.5\n"
    )
    arguments = ["--data", str(galaxy_folder), "--catalogue", str(tmp_path / "mass.csv")]
    data = opening.open_source(read_settings(arguments, {}).sources[0])(print)
    assert data.table["mass"].count() == 1
    assert any("1 of 128 galaxies matched by id" in note for note in data.notes)


def test_weights_that_changed_since_they_were_listed_are_not_served(
    bundle: Path, model: Model, tmp_path: Path
) -> None:
    entry = listing(str(bundle), "").checkpoints[0]
    assert opening.open_model(entry.reference, entry.sha256)(print).id == "small.tiny"
    # whole, with a card of its own
    other = save_released(model.randomised(7), tmp_path, {"id": "small.tiny"})
    with pytest.raises(
        ValueError,
        match=r"small.tiny is not served: its SHA-256 is .*…, but this server's list has",
    ):
        opening.open_model(str(other), entry.sha256)(print)


@pytest.mark.slow
def test_released_weights_are_pinned_when_the_server_starts(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "checkpoints"
    path = save_released(model, folder, {"id": "small.mine"})
    monkeypatch.setattr(cards, "CHECKPOINTS", folder)
    choice = model_choices(True, [], listing("", ""))[0]
    assert opening.open_model(choice.reference, choice.sha256)(print).id == "small.mine"
    save_released(model.randomised(7), folder, {"id": "small.mine"})
    save_released(model.randomised(8), folder, {"id": "small.later"})
    choices = model_choices(True, [], listing("", ""))
    assert [found.label for found in choices[:-2]] == ["small.mine"], (
        "what came later is not served"
    )
    with pytest.raises(ValueError, match=r"small\.mine is not served"):
        opening.open_model(choices[0].reference, choices[0].sha256)(print)
    save_file(load_file(path), path)  # other bytes than its card says
    with pytest.raises(ValueError, match="SHA-256"):
        opening.open_model(choices[0].reference, choices[0].sha256)(print)


def page(
    monkeypatch: pytest.MonkeyPatch,
    cache_folder: Path,
    bundle: Path,
    name: str = "map",
    **options: Any,
) -> Any:
    monkeypatch.setenv("ASTROJEPA_BUNDLE", str(bundle))
    monkeypatch.setattr(sys, "argv", ["pytest"])
    return run_page(
        monkeypatch,
        cache_folder,
        name,
        data="",
        checkpoint=options.pop("checkpoint", ""),
        hosted=True,
        **options,
    )


@pytest.mark.slow
@QUIET[0]
@QUIET[1]
def test_nothing_in_the_address_adds_to_what_is_served(
    bundle: Path, pictures: Path, model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = save_released(model, tmp_path, {"id": "small.secret"})
    query = {
        "model": str(secret),
        "data": str(pictures),
        "with": str(secret),
        "checkpoint": str(secret),
        "bundle": str(tmp_path),
        "allow": str(tmp_path / "list.json"),
        "mode": "local",
        "hosted": "false",
        "ASTROJEPA_MODE": "local",
        "path_to_load": str(secret),
        "embed": "true",
    }
    for name in ("models", "compare"):
        test = page(monkeypatch, tmp_path / "cache", bundle, name, query=query)
        boxes = {box.key: box.options for box in test.selectbox}
        assert not any(
            "secret" in option or "/" in option for options in boxes.values() for option in options
        )
        assert boxes["source"] == ["survey", "simulated"]
        assert not [box for box in test.text_input if box.key == "path_to_load"]
        assert str(tmp_path) not in words(test)


@QUIET[0]
@QUIET[1]
def test_a_checkpoint_asked_for_at_the_start_must_be_listed(
    bundle: Path, model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = save_released(model, tmp_path, {"id": "small.secret"})
    test = page(monkeypatch, tmp_path / "cache", bundle, "models", checkpoint=str(secret))
    assert "small.secret.safetensors is not on this server's list" in words(test)
    assert aj.load_model(secret).id == "small.secret", "the file itself is sound"


def test_a_bundle_is_fingerprinted_for_the_app_by_its_own_list(bundle: Path) -> None:
    content = json.loads((bundle / MANIFEST).read_text())
    assert listing(str(bundle), "").sources[0].source_hash == content["data"]["source_hash"]

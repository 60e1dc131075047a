"""What the explorer shows when something is missing, unfinished or damaged: the table of states,
in a real browser.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from explorer_page import PATIENCE, Explorer, identities
from PIL import Image
from safetensors.torch import load_file, save

import astrojepa as aj
from app.session import sampling
from astrojepa.checkpoints.model import save_released
from astrojepa.training.trainer import train
from astrojepa.types import Embeddings
from tests.training.tiny_step import tiny_config

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore::ResourceWarning")]
COUNT, DAMAGED = 702, "00003.png"


@pytest.fixture
def visit(browser: Any) -> Iterator[Callable[[Any], Explorer]]:
    """Open a browser on an explorer; it is asked at the end what went wrong in it."""
    opened: list[Explorer] = []

    def one(server: Any) -> Explorer:
        opened.append(
            Explorer(
                browser.new_context(viewport={"width": 1280, "height": 1000}).new_page(), server.url
            )
        )
        return opened[-1]

    yield one
    for explorer in opened:
        assert explorer.complaints == [], "the browser's console has errors"
        explorer.page.context.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small pictures of two classes, one of ten and nine of ten; one file holds no picture."""
    made = tmp_path_factory.mktemp("galaxies")
    rows = np.mgrid[:32, :32]
    lines = ["file,label"]
    for number in range(COUNT):
        rng = np.random.default_rng(number)
        blob = np.exp(-(((rows - 16) / rng.uniform(2, 8, (2, 1, 1))) ** 2).sum(0))
        colour = 255 * blob[..., None] * rng.uniform(0.4, 1, 3) + rng.uniform(0, 12, (32, 32, 3))
        name = f"{number:05}.png"
        Image.fromarray(colour.clip(0, 255).astype(np.uint8)).save(made / name)
        lines.append(f"{name},{'rare' if number % 10 == 0 else 'common'}")
    (made / DAMAGED).write_bytes(b"no picture")
    (made / "labels.csv").write_text("\n".join(lines), encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def unseen(start: Callable[..., Any], folder: Path) -> Any:
    """An explorer on pictures that no model has looked at."""
    return start("--data", str(folder), "--checkpoint", "random")


def load(explorer: Explorer, path: Path) -> Explorer:
    """Load a checkpoint by its path, as the page of models offers it."""
    page = explorer.page
    page.goto(explorer.url + "/models?model=random&map=pca&galaxy=5")
    explorer.says("Train your own")
    explorer.quiet()
    page.get_by_role("button", name="Load a checkpoint").click()
    box = page.locator(".st-key-path_to_load input")
    box.fill(str(path))
    box.press("Enter")
    return explorer


def test_vectors_of_a_file_make_a_map_whose_galaxies_open_and_lead_to_their_neighbours(
    start: Any, visit: Any, tmp_path: Path
) -> None:
    ids = identities()[10:]
    vectors = np.random.default_rng(0).normal(size=(len(ids), 8)).astype(np.float32)
    np.savez(tmp_path / "theirs.npz", object_id=ids, vector=vectors)
    flags = ("--data", "simulated:200", "--vectors", str(tmp_path / "theirs.npz"))
    explorer = visit(start(*flags)).open()
    page = explorer.drawn(190).page
    explorer.says("10 of 200 galaxies of simulated")
    assert "model=theirs.npz%40" in page.url
    made = Embeddings(vectors, np.full(190, -1), np.array(ids), ())
    found = aj.neighbours(made, query=5, k=6).indices
    page.mouse.click(*explorer.place(5))
    explorer.says(ids[5])
    page.get_by_role("link", name="Galaxy", exact=True).click()
    explorer.says("Patch errors need a model. These are vectors from theirs.npz.")
    tiles = page.locator(".st-key-galaxy_neighbours .tile")
    explorer.appears(tiles.nth(5))
    assert [int(tile.get_attribute("data-row")) for tile in tiles.all()] == found.tolist()


def test_without_a_checkpoint_the_map_is_a_baseline_and_the_other_pages_explain(
    server: Any, visit: Any
) -> None:
    explorer = visit(server).open("/?model=baseline&galaxy=5")
    page = explorer.page
    assert page.get_by_text("Baseline without a model").is_visible()
    for name, sentence in (
        ("Galaxy", "Patch errors need a model"),
        ("Models & data", "Principal components of the pixels"),
    ):
        page.get_by_role("link", name=name).click()
        explorer.says(sentence)


def test_a_damaged_picture_is_named_and_once_left_out_it_is_counted(
    unseen: Any, visit: Any
) -> None:
    explorer = visit(unseen)
    page = explorer.page
    page.goto(unseen.url + "/?model=baseline")
    explorer.says(f"{DAMAGED} is no JPEG, PNG or WebP image")
    page.get_by_role("button", name="Leave out damaged images").click()
    explorer.drawn(COUNT - 1)
    assert page.get_by_text(f"1 damaged image is left out: {DAMAGED}").is_visible()


def test_a_sample_is_shown_first_and_the_rest_joins_it_with_the_galaxy_still_selected(
    unseen: Any, visit: Any
) -> None:
    explorer = visit(unseen)
    page = explorer.page
    page.goto(unseen.url + "/?map=pca")
    page.get_by_role("button", name="Leave out damaged images").click(timeout=PATIENCE)
    progress = page.get_by_text(f"Showing {sampling.SAMPLE} of {COUNT - 1} galaxies")
    progress.wait_for(timeout=PATIENCE)
    explorer.drawn(sampling.SAMPLE)
    tile = page.locator(".st-key-neighbours .tile").first
    tile.wait_for(timeout=PATIENCE)
    before = page.get_by_text(re.compile(r"^\d+\.png$")).first.inner_text()
    tile.click()
    chosen = page.get_by_text(re.compile(rf"^(?!{before})\d+\.png$")).first
    chosen.wait_for()
    name = chosen.inner_text()
    page.wait_for_url(re.compile(f"id={name}"))
    explorer.drawn(COUNT - 1)
    progress.wait_for(state="detached")
    explorer.quiet()
    assert f"id={name}" in page.url
    assert page.get_by_text(name, exact=True).first.is_visible()
    assert page.get_by_test_id("stAlert").count() == 0


def test_a_picture_that_has_gone_bad_leaves_a_placeholder_with_its_id(
    visit: Any, folder: Path, start: Any
) -> None:
    few = folder.parent / "few"
    few.mkdir()
    for number in range(40, 80):
        (few / f"{number}.png").write_bytes((folder / f"{number:05}.png").read_bytes())
    explorer = visit(start("--data", str(few), "--checkpoint", "baseline")).open("/?galaxy=7")
    (few / "49.png").write_bytes(b"0" * (few / "49.png").stat().st_size)
    explorer.page.locator(".st-key-find input").fill("49.png")
    explorer.page.locator(".st-key-find input").press("Enter")
    explorer.says("The image of 49.png cannot be read")
    explorer.drawn(40)


@pytest.fixture(scope="module")
def checkpoints(drawn_galaxies: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint without a predictor, and one that lacks two of its tensors."""
    made = tmp_path_factory.mktemp("checkpoints")
    config = tiny_config("lejepa", data=str(drawn_galaxies), epochs=1)
    run = train(config, out=made / "run", progress=False)
    save_released(aj.load_model(run), made, {"id": "encoder"})
    path = save_released(aj.load_model("random"), made, {"id": "torn"})
    tensors = load_file(path)
    for name in sorted(tensors)[:2]:
        del tensors[name]
    path.write_bytes(save(tensors))
    card = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    card["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    path.with_suffix(".json").write_text(json.dumps(card), encoding="utf-8")
    return made


def test_a_bad_checkpoint_is_one_card_and_the_previous_model_stays(
    server: Any, visit: Any, checkpoints: Path
) -> None:
    explorer = load(visit(server), checkpoints / "torn.safetensors")
    page = explorer.page
    card = page.get_by_test_id("stAlert").filter(has_text="torn.safetensors was not opened")
    card.wait_for(timeout=PATIENCE)
    explorer.quiet()
    said = card.inner_text()
    assert card.count() == 1
    # Two tensors, and the moving average that is stored once because it equals the encoder.
    assert "4 tensors missing (first: [" in said
    assert "random weights (control) is still shown" in said
    assert "Choose another model" in said
    page.get_by_role("link", name="Map").click()
    explorer.drawn()
    page.get_by_text(identities()[5], exact=True).first.wait_for()
    assert page.get_by_text("Random weights").first.is_visible()


def test_an_encoder_only_checkpoint_gives_a_map_and_the_patch_panel_says_why(
    server: Any, visit: Any, checkpoints: Path
) -> None:
    explorer = load(visit(server), checkpoints / "encoder.safetensors")
    page = explorer.page
    explorer.says("none, so no patch errors")
    explorer.quiet()
    for name in ("Map", "Galaxy"):
        page.get_by_role("link", name=name).first.click()
        explorer.says("is an encoder without a predictor")
        if name == "Map":
            explorer.drawn()


def test_without_a_gpu_the_heatmap_says_what_it_costs(server: Any, visit: Any) -> None:
    explorer = visit(server).open("/?model=random&galaxy=5")
    explorer.page.get_by_text("Both", exact=True).first.click()
    explorer.says(re.compile(r"CPU, about [\d,]+ ms per heatmap"))


def test_an_old_link_says_what_is_missing_and_keeps_the_galaxy(server: Any, visit: Any) -> None:
    name = str(aj.open_dataset("simulated:200").ids[31])
    explorer = visit(server).open(
        f"/?model=gone@0123456789abcdef&data=elsewhere@fedcba9876543210&galaxy=7&id={name}&colour=mass"
    )
    said = explorer.page.get_by_test_id("stAlert").inner_text()
    assert "the model gone (01234567)" in said
    assert "the data set elsewhere (fedcba98)" in said
    assert explorer.shown_row() == 31

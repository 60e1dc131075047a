"""The first page of a warm cache: a map that waits for no library, and a model that is judged
all the same.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from page_runner import QUIET, run_page, words
from safetensors.torch import load_file, save_file

import astrojepa as aj
from app.session import loaders, queue
from app.session.workspace import LIBRARIES
from astrojepa.checkpoints.card import file_hash, released_facts
from astrojepa.checkpoints.model import load_model, save_released
from astrojepa.evaluation.anomalies.scoring import kept_scores
from astrojepa.evaluation.vectors.embed import keep_embedding

pytestmark = QUIET
SLOW_TO_IMPORT = [
    "torch",
    "torchvision",
    "timm",
    "sklearn",
    "scipy",
    "umap",
    "numba",
    "openTSNE",
    "h5py",
    "astropy",
]
VISIT = """
import json, sys
sys.path[:0] = sys.argv[1:3]
from app.session import queue, loaders
from app.session.workspace import LIBRARIES
from page_runner import script, settled, words
from streamlit.testing.v1 import AppTest

def drawn(test):
    return {"words": words(test), "markup": " ".join(str(element.proto) for element in test.get("html"))}

test = AppTest.from_function(script, args=("map", False), default_timeout=120).run()
while "Anomaly rank by kNN" not in words(test):
    test.run()
first = drawn(test) | {"imported": [name for name in sys.argv[3:] if name in sys.modules]}
queue.called_for.set()  # as a browser does that asks for the first pictures
settled(test)
test.session_state["panel_view"] = "Both"
test.run()
print(json.dumps([first, drawn(settled(test))]))
"""


@pytest.fixture(scope="module")
def looked(drawn_galaxies: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of released weights, and the cache of their look at the galaxies."""
    folder = tmp_path_factory.mktemp("looked")
    path = save_released(load_model("random"), folder / "released", {"id": "small.mine"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASTROJEPA_CACHE", str(folder / "cache"))
        vectors = aj.embed(load_model(path), aj.open_dataset(drawn_galaxies))
        kept_scores(vectors)
        aj.project(vectors, method="pca", seed=0)
    return folder


@pytest.fixture
def known(looked: Path, own_cache: Path, tmp_path: Path) -> Path:
    """A copy of released weights that have looked at the galaxies before."""
    shutil.copytree(looked / "cache", own_cache)
    return next(shutil.copytree(looked / "released", tmp_path / "released").glob("*.safetensors"))


@pytest.fixture
def just_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server whose pages find that no library has been imported yet."""
    monkeypatch.setattr(queue.imported, "is_set", lambda: False)


@pytest.mark.slow
def test_the_first_page_of_a_warm_cache_imports_no_library_and_the_patch_errors_follow(
    known: Path, galaxy_folder: Path, own_cache: Path, tmp_path: Path
) -> None:
    given = {
        "ASTROJEPA_DATA": str(galaxy_folder),
        "ASTROJEPA_CHECKPOINT": str(known),
        "ASTROJEPA_MODE": "",
    }
    (tmp_path / "visit.py").write_text(VISIT, encoding="utf-8")
    paths = [str(Path(__file__).parents[2]), str(Path(__file__).parent)]
    command = [sys.executable, str(tmp_path / "visit.py"), *paths, *SLOW_TO_IMPORT]
    done = subprocess.run(
        command, env=os.environ | given, cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    first, later = json.loads(done.stdout.splitlines()[-1])
    assert first["imported"] == []
    assert " of 128" in first["words"]
    assert "per heatmap" not in first["markup"]
    assert "per heatmap" in later["markup"]


def test_the_facts_of_a_model_are_those_that_loading_it_gives(known: Path) -> None:
    facts, model = released_facts(known), load_model(known)
    for name in ("id", "config", "card", "hash", "mean", "std", "has_predictor", "grid"):
        assert getattr(facts, name) == getattr(model, name), name


@pytest.mark.parametrize("broken", ["bytes", "card"])
def test_what_is_wrong_with_a_model_is_said_of_its_facts_as_of_itself(
    known: Path, broken: str
) -> None:
    card = known.with_suffix(".json")
    if broken == "bytes":
        save_file({name: value + 1 for name, value in load_file(known).items()}, known)
    else:
        card.write_text(
            card.read_text(encoding="utf-8").replace('"patch_size": 8', '"patch_size": 0'),
            encoding="utf-8",
        )
    sentences = []
    for read in (load_model, released_facts):
        with pytest.raises(ValueError, match=r"fetch or export both again|cannot use") as caught:
            read(known)
        sentences.append(str(caught.value))
    assert sentences[0] == sentences[1]


@pytest.mark.usefixtures("just_started")
def test_weights_that_are_not_what_their_card_says_are_refused_on_the_first_page_too(
    known: Path, galaxy_folder: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_file({name: value + 1 for name, value in load_file(known).items()}, known)
    said = words(
        run_page(monkeypatch, own_cache, "map", data=str(galaxy_folder), checkpoint=str(known))
    )
    assert "was not opened" in said
    assert "its card says" in said


def test_weights_that_fit_their_card_and_hold_no_numbers_are_refused_once_they_are_read(
    known: Path, galaxy_folder: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = file_hash(known)
    save_file(
        {name: torch.full_like(value, torch.nan) for name, value in load_file(known).items()}, known
    )
    card = known.with_suffix(".json")
    card.write_text(
        card.read_text(encoding="utf-8").replace(before, file_hash(known)), encoding="utf-8"
    )
    data = aj.open_dataset(galaxy_folder)
    keep_embedding(
        released_facts(known),
        data,
        np.random.default_rng(0).normal(size=(len(data), 8)).astype(np.float32),
    )
    loaders.jobs().forget(LIBRARIES[0])
    queue.imported.clear()
    queue.called_for.set()
    said = words(
        run_page(monkeypatch, own_cache, "map", data=str(galaxy_folder), checkpoint=str(known))
    )
    assert "not finite numbers" in said

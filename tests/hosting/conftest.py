"""Bundles under test: one of a few bytes that is only ever looked at, one of real parts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from astrojepa import cache
from astrojepa.checkpoints.bundle import MANIFEST, seal_bundle
from astrojepa.checkpoints.model import Model, load_model, save_released
from astrojepa.evaluation.reports import bundling

COUNT = 60
FACTS = {
    "created_by": "a test",
    "data": {"source": "data/g", "source_hash": "ab" * 32},
    "checkpoints": ["m"],
}


@pytest.fixture(autouse=True)
def nothing_supplied(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget at the end which bundles' arrays are read first."""
    monkeypatch.setattr(cache, "_supplied", [])


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    """A bundle whose files hold a few bytes each."""
    root = tmp_path / "sealed"
    for name in (
        "data/g/labels.csv",
        "data/g/images/0.jpg",
        "checkpoints/m.safetensors",
        "checkpoints/m.json",
        "cache/scores-0.npz",
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode())
    seal_bundle(root, FACTS)
    return root


@pytest.fixture
def edit(sealed: Path) -> Callable[..., Path]:
    """Change what bundle.json says."""

    def change(**facts: Any) -> Path:
        content = json.loads((sealed / MANIFEST).read_text())
        (sealed / MANIFEST).write_text(json.dumps(content | facts))
        return sealed

    return change


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of small pictures of two classes, with one more column."""
    made = tmp_path_factory.mktemp("pictures") / "survey"
    made.mkdir()
    rows = np.mgrid[:48, :48]
    lines = ["file,id,label,ra,dec,magnitude"]
    for number in range(COUNT):
        rng = np.random.default_rng(number)
        blob = np.exp(-(((rows - 24) / rng.uniform(3, 11, (2, 1, 1))) ** 2).sum(0))
        colour = 255 * blob[..., None] * rng.uniform(0.4, 1, 3) + rng.uniform(0, 12, (48, 48, 3))
        Image.fromarray(colour.clip(0, 255).astype(np.uint8)).save(made / f"{number:02}.png")
        lines.append(
            f"{number:02}.png,NGC "
            f"{number},{'round' if number % 3 else 'edge-on'},{number},{-number},{number % 7}"
        )
    (made / "labels.csv").write_text("\n".join(lines), encoding="utf-8")
    return made


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A released model that nobody trained."""
    return load_model(
        save_released(
            load_model("random"), tmp_path_factory.mktemp("released"), {"id": "small.tiny"}
        )
    )


@pytest.fixture(scope="session")
def bundle(pictures: Path, model: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real bundle, its maps by PCA alone, which needs no compiling."""
    from astrojepa.data import open_dataset

    folder = tmp_path_factory.mktemp("bundles") / "bundle"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bundling, "MAPS", ("pca",))
        patch.setattr(bundling, "BASELINE_MAPS", ("pca",))
        bundling.make_bundle(
            open_dataset(pictures), str(pictures), model, folder, 32, creator="a test"
        )
    return folder

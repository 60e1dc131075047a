"""One thread, no hub, no user cache; shapes in signatures are checked."""

from __future__ import annotations

import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ["HF_HUB_OFFLINE"] = "1"

import pytest
from jaxtyping import install_import_hook

SHAPED = ["astrojepa.masking", "astrojepa.losses", "astrojepa.models", "astrojepa.data.transforms"]
install_import_hook(SHAPED, "beartype.beartype")

pytest_plugins = ["tests.tiny_run"]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep every cached array inside the test's own folder."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("ASTROJEPA_CACHE", str(folder))
    return folder

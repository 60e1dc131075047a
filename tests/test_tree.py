"""What a clone fetches: the files that git tracks, and what they may weigh."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from astrojepa.checkpoints.card import ABSENT, best_id, list_checkpoints, usable

ROOT = Path(__file__).parents[1]
MOST_BYTES, MOST_BYTES_OF_WEIGHTS = 30_000_000, 20_000_000


@pytest.fixture(scope="module")
def tracked() -> list[Path]:
    """Every file that git tracks here."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("needs a git checkout")
    names = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True
    ).stdout.decode()
    return [path for name in names.split("\0") if name and (path := ROOT / name).is_file()]


def test_the_tree_is_light(tracked: list[Path]) -> None:
    assert sum(path.stat().st_size for path in tracked) <= MOST_BYTES


def test_no_file_holds_the_marks_of_an_unfinished_merge(tracked: list[Path]) -> None:
    marks = re.compile(rb"^(<<<<<<<|>>>>>>>) ", re.MULTILINE)
    texts = [
        path for path in tracked if path.suffix in {".md", ".py", ".js", ".css", ".html", ".toml"}
    ]
    assert len(texts) > 100
    assert not [path for path in texts if marks.search(path.read_bytes())]


def test_weights_are_two_thirds_of_it_at_most(tracked: list[Path]) -> None:
    weights = [path.stat().st_size for path in tracked if path.suffix == ".safetensors"]
    assert 0 < sum(weights) <= MOST_BYTES_OF_WEIGHTS


def test_the_best_model_is_in_the_tree_and_every_released_one_has_its_card(
    tracked: list[Path],
) -> None:
    cards = list_checkpoints()
    assert not [card["error"] for card in cards if "error" in card]
    assert ROOT / "checkpoints" / f"{best_id()}.safetensors" in tracked
    assert len(usable(cards)) + sum(card.get(ABSENT, False) for card in cards) == len(cards)

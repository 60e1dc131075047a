"""Damaged files of every format, thousands of them: each is read, or refused in one sentence,
quickly and in little memory.
"""

from __future__ import annotations

import datetime
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.hostile.readers import READERS
from tests.hostile.trial import LEAST, MEMORY_CAP, SECONDS

pytestmark = pytest.mark.slow(0.5)  # all readers share one trial
ROOT = Path(__file__).parents[2]
QUICK = 2_000
NIGHTLY = int(os.environ.get("HOSTILE_CASES", "24000"))
# a night's cases are new; a failure names them
TONIGHT = int(os.environ.get("HOSTILE_SEED", datetime.date.today().toordinal()))

Outcomes = dict[str, dict[str, Any]]


@pytest.fixture(
    scope="module",
    params=[(QUICK, 1), pytest.param((NIGHTLY, TONIGHT), marks=pytest.mark.nightly)],
    ids=["quick", "all"],
)
def size(request: pytest.FixtureRequest) -> tuple[int, int]:
    """How many cases, and their seed."""
    return request.param


@pytest.fixture(scope="module")
def outcomes(size: tuple[int, int], tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    """One trial of all readers; inputs that were not borne stay in its folder."""
    cases, seed = size
    folder = tmp_path_factory.mktemp("tried")
    command = [
        sys.executable,
        "-m",
        "tests.hostile",
        "--cases",
        str(cases),
        "--seed",
        str(seed),
        "--folder",
        str(folder),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60 + cases / 4)
    print(f"{' '.join(command[1:])}\n{done.stdout}")
    found = {line["reader"]: line for line in map(json.loads, done.stdout.splitlines())}
    assert found, done.stderr[-2000:]
    return found


@pytest.mark.parametrize("name", [reader.name for reader in READERS])
def test_a_damaged_file_is_read_or_refused_in_one_sentence(name: str, outcomes: Outcomes) -> None:
    outcome = outcomes[name]
    assert not outcome["failures"], f"seed {outcome['seed']}: " + "\n".join(outcome["failures"][:5])
    assert outcome["slowest"] <= SECONDS
    assert outcome["megabytes"] * 2**20 <= MEMORY_CAP


def test_every_reader_met_its_share_of_the_cases_and_refused_some(
    size: tuple[int, int], outcomes: Outcomes
) -> None:
    assert sum(outcome["cases"] for outcome in outcomes.values()) >= size[0]
    for reader in READERS:
        outcome = outcomes[reader.name]
        assert outcome["cases"] >= LEAST, reader.name
        assert (outcome["refused"] == 0) is reader.total, (
            f"{reader.name} refused {outcome['refused']} of {outcome['cases']}"
        )

"""SIGKILL during every kind of write: nothing that existed is lost, nothing half-written is
read, leftovers do not add up.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from astrojepa.files import UNFINISHED
from tests.data.download.file_server import FileServers
from tests.faults.kinds import DOWNLOADED, KINDS
from tests.forking import ALONE

KILLS = {  # 124 in all
    "cached arrays": 8,
    "frames": 6,
    "simulation": 6,
    "run log": 12,
    "last.pt and best.pt": 18,
    "released weights": 14,
    "download": 10,
    "data pack": 6,
    "shards": 8,
    "simulated store": 6,
    "sorted store": 8,
    "HATS catalogue": 8,
    "neighbour index": 8,
    "tables and reports": 6,
}


class Writers:
    """Starts writers and kills them."""

    def __init__(self) -> None:
        program = Path(__file__).with_name("writer_server.py")
        self.server = subprocess.Popen(
            [sys.executable, str(program)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | ALONE,
        )
        assert self._line() == "ready"

    def _line(self) -> str:
        assert self.server.stdout is not None
        return self.server.stdout.readline().strip()

    def kill(
        self,
        kind: str,
        folder: Path,
        version: int,
        *,
        after: float = 0.0,
        rename: int = 0,
        line: int = 0,
    ) -> int:
        """Let a writer go on with `version`, kill it after some seconds or let it kill itself
        before a rename or a line.

        Returns the last version that it had finished.
        """
        assert self.server.stdin is not None
        order = {
            "kind": kind,
            "folder": str(folder),
            "version": version,
            "rename": rename,
            "line": line,
        }
        self.server.stdin.write(json.dumps(order) + "\n")
        self.server.stdin.flush()
        pid = int(self._line().removeprefix("pid "))
        if after:
            time.sleep(after)
            os.kill(pid, signal.SIGKILL)
        finished = version - 1
        while (answer := self._line()) != "dead":
            finished = int(answer)
        return finished

    def close(self) -> None:
        assert self.server.stdin is not None
        assert self.server.stdout is not None
        self.server.stdin.close()
        self.server.wait(30)
        self.server.stdout.close()


@pytest.fixture(scope="module")
def writers() -> Iterator[Writers]:
    made = Writers()
    yield made
    made.close()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder to write into; it names a slow server for the downloads."""
    monkeypatch.setenv("no_proxy", "*")
    folder = tmp_path / "place"
    folder.mkdir()
    with FileServers() as serve:
        url, _ = serve(content=DOWNLOADED, slow=0.001)
        (folder / "url").write_text(url)
        (folder / "sha256").write_text(hashlib.sha256(DOWNLOADED).hexdigest())
        yield folder


def leftovers(folder: Path) -> list[Path]:
    return [path for path in folder.rglob(f".*{UNFINISHED}") if UNFINISHED not in str(path.parent)]


def killed(writers: Writers, name: str, folder: Path, count: int, seed: int) -> None:
    """Kill writers of one kind, after a random time or, two of three, before a random line, and
    read after every kill.
    """
    kind, rng = KINDS[name], np.random.default_rng(seed)
    kind.write(folder, 0)
    version = 0
    for turn in range(count):
        when = (
            {"line": int(rng.integers(1, kind.lines))}
            if turn % 3
            else {"after": rng.uniform(1e-4, kind.span)}
        )
        finished = writers.kill(name, folder, version + 1, **when)
        found = kind.read(folder)
        assert finished <= found <= finished + 1, "what was finished is lost"
        assert len(leftovers(folder)) <= 2
        version = found
    kind.begin(folder, version + 1)
    kind.write(folder, version + 1)
    assert kind.read(folder) == version + 1
    assert leftovers(folder) == []


@pytest.mark.slow
@pytest.mark.once
@pytest.mark.parametrize("name", KINDS)
def test_a_writer_killed_at_a_random_moment_loses_nothing_and_leaves_nothing_half_written(
    writers: Writers, place: Path, name: str
) -> None:
    killed(writers, name, place, KILLS[name], seed=len(name))


@pytest.mark.nightly
@pytest.mark.parametrize("name", KINDS)
def test_a_thousand_kills_lose_nothing(writers: Writers, place: Path, name: str) -> None:
    killed(writers, name, place, 10 * KILLS[name], seed=1000 + len(name))


@pytest.mark.slow
@pytest.mark.once
@pytest.mark.parametrize("rename", [1, 2, 3])
@pytest.mark.parametrize(
    "name", ["released weights", "last.pt and best.pt", "tables and reports", "frames"]
)
def test_a_writer_killed_between_the_files_of_one_version_leaves_a_readable_one(
    writers: Writers, place: Path, name: str, rename: int
) -> None:
    kind: Any = KINDS[name]
    kind.write(place, 0)
    finished = writers.kill(name, place, 1, rename=rename)
    assert finished <= kind.read(place) <= finished + 1
    kind.write(place, 2)
    assert kind.read(place) == 2


@pytest.mark.slow
@pytest.mark.once
def test_an_export_killed_after_one_that_was_killed_loses_nothing(
    writers: Writers, place: Path
) -> None:
    kind = KINDS["released weights"]
    kind.write(place, 0)
    writers.kill("released weights", place, 1, rename=3)  # weights of version 1, card of version 0
    assert kind.read(place) == 1
    for rename in (2, 3):
        writers.kill("released weights", place, 2, rename=rename)
        assert kind.read(place) in (1, 2)


def test_more_than_a_hundred_kills_are_made() -> None:
    assert sum(KILLS.values()) == 124
    assert KILLS.keys() == KINDS.keys()

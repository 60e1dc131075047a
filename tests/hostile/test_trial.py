"""The trial itself notices what it is there to notice."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = """
import os, sys, socket, subprocess
from pathlib import Path
from tests.hostile import trial
from tests.hostile.mutations import harm_bytes

trial.SECONDS, trial.MEMORY_CAP, trial.LEAST = 0.2, 2**28, 2

def swallow(path):
    try:
        return bytearray(2**30)
    except Exception as error:
        raise ValueError("The file is damaged, replace it.") from error

def loop(path):
    while True:
        try:
            sum(range(1000))
        except Exception:
            pass

def refuse(sentence):
    def read(path):
        raise ValueError(sentence)
    return read

def crash(path):
    os.kill(os.getpid(), 11)

BAD = {
    "crashes": crash,
    "raises what is no refusal": lambda path: {}[0],
    "takes too much memory": swallow,
    "never ends": loop,
    "reads a stranger's file": lambda path: Path("/etc/passwd").read_text(),
    "follows a link out": lambda path: (path.parent / "link").read_text(),
    "runs a program": lambda path: subprocess.run(["true"]),
    "calls home": lambda path: socket.getaddrinfo("localhost", 80),
    "says nothing": refuse(""),
    "says two lines": refuse("The file is damaged.\\nReplace it."),
    "says a page": refuse("The file is damaged. " * 40),
    "says what no terminal should print": refuse("The file \\x1b[31m is damaged."),
}

def furnish(folder):
    (folder / "link").symlink_to("/etc/hostname")
    return [b"whole"]

readers = []
for name, read in BAD.items():
    def reads(path, read=read):
        return None if path.read_bytes() == b"whole" else read(path)
    readers.append(trial.Reader(name, "case.bin", furnish, harm_bytes, reads))
trial.try_all(readers, 0, 1, Path(sys.argv[1]))
"""


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    folder = tmp_path_factory.mktemp("bad")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines, done.stderr[-2000:]
    return {line["reader"]: line["failures"] for line in lines}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("reader", "complaint"),
    [
        ("crashes", "the process ended with -11"),
        ("raises what is no refusal", "KeyError"),
        ("takes too much memory", "asked for more than"),
        ("never ends", "took more than"),
        ("reads a stranger's file", "open /etc/passwd"),
        ("follows a link out", "open /etc/hostname"),
        ("runs a program", "subprocess.Popen"),
        ("calls home", "socket.getaddrinfo"),
        ("says nothing", "says 0 characters"),
        ("says two lines", "cannot be printed"),
        ("says a page", "says 840 characters"),
        ("says what no terminal should print", "cannot be printed"),
    ],
)
def test_a_reader_that_misbehaves_is_found_out(
    reader: str, complaint: str, outcomes: dict[str, list[str]]
) -> None:
    assert complaint in outcomes[reader][0]

"""What tests of full and read-only disks run in a process of its own: many commands, one after the
other, on a small disk.

Takes a JSON object from the command line: `commands`, each a list of arguments that begins with
train or astrojepa; `copy`, folders to copy onto the disk first; `disk` and, for one that is to be
full, `left`: the bytes to leave free. Prints, as JSON, what each command returned and said, and
what the disk held before and afterwards.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from astrojepa.cli import main
from astrojepa.cli.train import train_main


def fill(disk: Path, left: int) -> None:
    """Write a file that leaves so many bytes free."""
    free = shutil.disk_usage(disk).free
    (disk / "filler").write_bytes(bytes(max(0, free - left)))


def contents(disk: Path) -> dict[str, str]:
    """Return the hash of every file by its path."""
    return {
        str(p.relative_to(disk)): hashlib.md5(p.read_bytes()).hexdigest()
        for p in sorted(disk.rglob("*"))
        if p.is_file()
    }


def obeyed(words: list[str]) -> dict[str, Any]:
    """Run one command; words such as NAME=VALUE before it go into the environment."""
    while "=" in words[0]:
        name, _, os.environ[name] = words[0].partition("=")
        words = words[1:]
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        code = (train_main if words[0] == "train" else main)(words[1:])
    return {"command": words, "code": code, "said": said.getvalue()}


def run(order: dict[str, Any]) -> dict[str, Any]:
    disk = Path(order["disk"])
    for source in order.get("copy", []):
        shutil.copytree(source, disk / Path(source).name)
    if "left" in order:
        fill(disk, order["left"])
    before = contents(disk)
    results = [obeyed(words) for words in order["commands"]]
    return {
        "results": results,
        "before": before,
        "after": contents(disk),
        "free": shutil.disk_usage(disk).free,
    }


if __name__ == "__main__":
    print(json.dumps(run(json.loads(sys.argv[1]))))

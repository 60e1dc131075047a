"""Places that cannot be written to: a program runs where one folder is read-only, or is a disk
of a few hundred kilobytes.
"""

from __future__ import annotations

import functools
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ALONE = ["unshare", "--mount", "--map-root-user", "sh", "-c"]
MAIN = "import sys; from astrojepa.cli.train import train_main; from astrojepa.cli import main; "


@functools.cache
def may_mount() -> bool:
    """Say whether a process here may mount something that only it sees."""
    try:
        return (
            subprocess.run(
                [*ALONE, "mount -t tmpfs none /mnt"], capture_output=True, check=False
            ).returncode
            == 0
        )
    except FileNotFoundError:
        return False


def with_mount(folder: Path, mount: str, code: str) -> subprocess.CompletedProcess[str]:
    """Run Python code as a process that sees `folder` mounted as asked: "size=300k", a disk of
    that size, or "read-only".
    """
    if not may_mount():
        pytest.skip(
            "needs a kernel that lets a process mount a folder for itself alone (unshare --mount)"
        )
    folder.mkdir(parents=True, exist_ok=True)
    how = (
        f"-o bind,ro '{folder}' '{folder}'"
        if mount == "read-only"
        else f"-t tmpfs -o {mount} none '{folder}'"
    )
    more = f" && mount -o remount,bind,ro '{folder}'" if mount == "read-only" else ""
    shell = f'mount {how}{more} && exec "$0" "$@"'
    command = [*ALONE, shell, sys.executable, "-W", "error", "-c", code]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )


def sentence_of(done: subprocess.CompletedProcess[str]) -> str:
    """Return the one sentence of a command that was refused with exit code 2."""
    lines = [line for line in done.stderr.strip().splitlines() if line.startswith("error: ")]
    assert done.returncode == 2, done.stderr[-2000:]
    assert len(lines) == 1, done.stderr[-2000:]
    assert "Traceback" not in done.stderr
    return lines[0]

"""The explorer as it is hosted: bound to every address, started by its real command, with every
connection that it opens taken down.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.serving import READY, free_port, wait_until_healthy

ROOT = Path(__file__).resolve().parents[2]
RECORDER = """
import os, socket

def note(what):
    with open(os.environ["CALLS"], "a") as stream:
        stream.write(what + "\\n")

def recorded(name):
    original = getattr(socket.socket, name)
    def call(self, address):
        if self.family in (socket.AF_INET, socket.AF_INET6) and self.type & socket.SOCK_STREAM:
            note(f"{name} {address!r}")
        return original(self, address)
    return call

def asked(host, *rest, look_up=socket.getaddrinfo, **named):
    note(f"look-up {host!r}")
    return look_up(host, *rest, **named)

socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo = recorded("connect"), recorded("connect_ex"), asked
"""
HERE = ("'127.0.0.1'", "'localhost'", "'0.0.0.0'", "'::1'")


def recording(folder: Path) -> tuple[dict[str, str], Path]:
    """Return an environment in which Python takes down what it connects to and whom it looks up,
    and the file that this goes to.
    """
    (folder / "recorder").mkdir()
    (folder / "recorder" / "sitecustomize.py").write_text(RECORDER)
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("STREAMLIT_", "ASTROJEPA_"))
    }
    return environment | {
        "PYTHONPATH": str(folder / "recorder"),
        "CALLS": str(folder / "calls"),
    }, folder / "calls"


def outward(calls: Path) -> list[str]:
    """Return the calls that left this machine."""
    lines = calls.read_text().splitlines() if calls.is_file() else []
    return [line for line in lines if not any(name in line for name in HERE)]


@contextmanager
def hosted(folder: Path, *flags: str) -> Iterator[tuple[str, Path]]:
    """Start the explorer as strangers see it; gives its address and the file of its calls."""
    port = free_port()
    url = f"http://localhost:{port}"
    environment, calls = recording(folder)
    environment |= {
        "ASTROJEPA_CACHE": str(folder / "cache"),
        "HOME": str(folder),
        "OMP_NUM_THREADS": "1",
        "HF_HUB_OFFLINE": "1",
    }
    command = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        str(ROOT / "app" / "main.py"),
        "--server.headless",
        "true",
    ]
    command += ["--server.address", "0.0.0.0", "--server.port", str(port), "--", *flags]
    with (folder / "log.txt").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        wait_until_healthy(url, process, folder / "log.txt", READY)
        yield url, calls
    finally:
        process.terminate()
        process.wait(30)

"""Starting a server: a port for it, and waiting until it answers."""

from __future__ import annotations

import socket
import subprocess
import time
import urllib.request
from pathlib import Path

START_SECONDS = 120.0
# Streamlit's own word, and the explorer's (app/server/readiness.py)
HEALTHY, READY = "/_stcore/health", "/ready"


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def wait_until_healthy(
    url: str, process: subprocess.Popen[bytes] | None, log: Path, asked: str = HEALTHY
) -> None:
    """Wait until the server answers there; RuntimeError with the end of its log where it does
    not.
    """
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            urllib.request.urlopen(f"{url}{asked}", timeout=2).close()
            return
        except OSError:
            if (process and process.poll() is not None) or time.monotonic() > deadline:
                said = log.read_text(errors="replace")[-2000:] if log.is_file() else ""
                raise RuntimeError(f"The explorer did not start.\n{said}") from None
            time.sleep(0.05)

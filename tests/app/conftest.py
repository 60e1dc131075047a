"""The explorer under test: its repository on the path, and the real command in a folder of its
own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks.serving import free_port, wait_until_healthy

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [
    folder for folder in (str(ROOT), str(Path(__file__).parent)) if folder not in sys.path
]


@dataclass(frozen=True)
class Server:
    """A running explorer."""

    url: str
    cache: Path
    log: Path
    process: subprocess.Popen[bytes]


@pytest.fixture
def pages_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for all pages that are drawn headless, so that the same galaxies are embedded
    once.
    """
    return tmp_path_factory.getbasetemp() / "pages-cache"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The explorer on 200 simulated galaxies and random weights, with a cold cache: one for all
    tests.
    """
    with running(
        tmp_path_factory.mktemp("elsewhere"), "--data", "simulated:200", "--checkpoint", "random"
    ) as started:
        yield started


@contextmanager
def running(folder: Path, *flags: str, script: Path = ROOT / "app" / "main.py") -> Iterator[Server]:
    """Start `streamlit run app/main.py`, the real command, or another script, from a folder that is
    not the repository, with a cold cache.
    """
    port = free_port()
    cache, log = folder / "cache", folder / "log.txt"
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("STREAMLIT_")
    }
    environment |= {
        "ASTROJEPA_CACHE": str(cache),
        "HOME": str(folder),
        "OMP_NUM_THREADS": "1",
        "OMP_WAIT_POLICY": "PASSIVE",
    }
    environment |= {
        "HF_HUB_OFFLINE": "1",
        "ASTROJEPA_DATA": "",
        "ASTROJEPA_CHECKPOINT": "",
        "ASTROJEPA_MODE": "",
    }
    streamlit = Path(sys.executable).parent / "streamlit"
    command = [
        str(streamlit),
        "run",
        str(script),
        "--server.port",
        str(port),
        "--server.headless",
        "true",
    ]
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [*command, "--", *flags],
            cwd=folder,
            env=environment,
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
    url = f"http://localhost:{port}"
    try:
        wait_until_healthy(url, process, log)
        yield Server(url, cache, log, process)
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    """Start explorers with flags of their own; they end with the module."""
    with ExitStack() as stack:
        yield lambda *flags: stack.enter_context(
            running(tmp_path_factory.mktemp("elsewhere"), *flags)
        )

"""app: the explorer in a browser."""

from __future__ import annotations

import argparse
import runpy
import sys
from importlib.util import find_spec
from typing import Any

from astrojepa.cli.options import declare
from astrojepa.explorer import add_flags, streamlit_arguments


def add_to(commands: Any) -> None:
    """Declare the command of this file."""
    help = "Open the explorer: map, patch errors, nearest neighbours and anomalies."
    app = declare(commands, "app", _app, help, "--data galaxies --checkpoint best", model=False)
    add_flags(app)
    app.add_argument(
        "--port", type=int, help="port of the server (default 8501, or the next free one)"
    )
    app.add_argument(
        "--address",
        help="address to listen on (default 127.0.0.1; any other one switches to hosted mode)",
    )


def _app(options: argparse.Namespace) -> int:
    if find_spec("streamlit") is None:
        raise ValueError(
            "The explorer needs Streamlit, which is not installed. Install it with: pip install "
            "streamlit"
        )
    sys.argv = ["streamlit", *streamlit_arguments(options)]
    runpy.run_module("streamlit", run_name="__main__", alter_sys=True)
    return 0

"""A server on this machine that drops, lies, stalls and forgets, and the file that it has."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np

from astrojepa.data.download.galaxy10 import download
from astrojepa.data.download.known_files import KnownFile

CONTENT = np.random.default_rng(0).bytes(300_000)
FILE = KnownFile("the file of this test", hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))


@dataclass
class Behaviour:
    """How the server answers; `asked` collects the Range header of each request ("" where there
    is none).
    """

    content: bytes = CONTENT
    # bytes of the body, one entry per request; later ones are whole
    drop_after: list[int] = field(default_factory=list)
    ranges: bool = True
    statuses: list[int] = field(default_factory=list)  # one entry per request, before anything else
    declared: int | None = None  # a Content-Length that is not true
    unnamed_length: bool = False
    redirect: str = ""
    stall: float = 0.0  # seconds of silence after the first half, once
    slow: float = 0.0  # seconds between pieces of 8 KB
    range_answer: str = ""  # a Content-Range that is not what was asked for
    answer: Callable[[str], bytes] | None = None  # the body for a path, in place of `content`
    asked: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        how: Behaviour = self.server.how  # type: ignore[attr-defined]
        wanted = self.headers.get("Range", "")
        how.asked.append(wanted)
        how.paths.append(self.path)
        if how.statuses:
            self.send_error(how.statuses.pop(0))
            return
        if how.redirect and self.path != "/there":
            self.send_response(302)
            self.send_header("Location", how.redirect)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and how.ranges else 0
        content = how.content if how.answer is None else how.answer(self.path)
        if start >= len(content):
            self.send_error(416)
            return
        body = content[start:]
        self.send_response(206 if start else 200)
        if start:
            self.send_header(
                "Content-Range",
                how.range_answer or f"bytes {start}-{len(content) - 1}/{len(content)}",
            )
        if not how.unnamed_length:
            self.send_header(
                "Content-Length", str(len(body) if how.declared is None else how.declared)
            )
        self.end_headers()
        self.send_body(body[: how.drop_after.pop(0)] if how.drop_after else body, how)

    def send_body(self, body: bytes, how: Behaviour) -> None:
        try:
            for place in range(0, len(body), 8192):
                self.wfile.write(body[place : place + 8192])
                time.sleep(how.slow)
                if how.stall and place >= len(body) // 2:
                    silence, how.stall = how.stall, 0.0
                    time.sleep(silence)
        except OSError:  # the client has gone
            pass

    def log_message(self, *arguments: Any) -> None:
        """Stay silent."""


class FileServers:
    """Starts servers that behave as asked, and ends them with its block."""

    def __enter__(self) -> FileServers:
        self.running: list[ThreadingHTTPServer] = []
        return self

    def __call__(self, **behaviour: Any) -> tuple[str, Behaviour]:
        """Start a server; return the address of its file and its behaviour."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        how = server.how = Behaviour(**behaviour)  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        self.running.append(server)
        return f"http://127.0.0.1:{server.server_address[1]}/file.h5", how

    def __exit__(self, *error: object) -> None:
        for server in self.running:
            server.shutdown()
            server.server_close()


def fetch(target: Path, url: str, known: KnownFile = FILE, **options: Any) -> str:
    return download(
        target, url, known, first_wait=0.001, http_on_loopback=True, **({"timeout": 5.0} | options)
    )


def part_of(target: Path) -> Path:
    return target.with_name("file.h5.part")


def left(target: Path) -> list[str]:
    return sorted(path.name for path in target.parent.iterdir())

"""Execute the Dockerfile's steps without a container engine: python deploy/rehearse.py [--reuse
VENV] [--folder DIR] [--bundle DIR]

A fresh folder takes the place of the image's root. COPY obeys .dockerignore, RUN and CMD are run as
they stand, with paths and port moved; as root the command runs as the Dockerfile's user, without
capabilities, on a read-only file system with a fresh /tmp. Then the health check is asked, the page
is fetched, and user, capabilities and mounts are looked up. pip uses this machine's own index
settings.
--reuse takes an existing environment instead of installing one.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
IMAGE_PATHS = ("/opt/venv", "/srv/astrojepa")
START_SECONDS = 120
# a Python below a private folder, such as root's own home, is shown where it stands and nothing
# else of that folder
REACHABLE = (
    "mkdir -p {folder}/base && mount --bind {base} {folder}/base && mount -t tmpfs -o mode=755 "
    "tmpfs {private} && "
    "mkdir -p {base} && mount --bind {folder}/base {base} && mount -o remount,ro,bind {base} && "
    "mount -o remount,ro {private} && "
)
# everything but the kernel's own folders read-only, a fresh /tmp, another user, no way back
ISOLATED = (
    "mount -o remount,ro,bind / && mount -t tmpfs -o size=512m,mode=1777 tmpfs /tmp && "
    'exec setpriv --reuid "$0" --regid "$0" --clear-groups --no-new-privs --bounding-set=-all '
    '--inh-caps=-all "$@"'
)

Step = tuple[str, str]  # instruction, the rest of its line


def read_steps(text: str) -> list[Step]:
    """Split a Dockerfile into instructions; lines that end in a backslash go on."""
    lines = re.sub(
        r"\\\n", " ", "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    ).splitlines()
    return [
        (words[0].upper(), words[1].strip())
        for line in lines
        if len(words := line.strip().split(None, 1)) == 2
    ]


def included(rules: list[str]) -> list[Path]:
    """List the files that a .dockerignore of "*" and exceptions lets through."""
    if rules[:1] != ["*"]:
        raise SystemExit(
            ".dockerignore must begin with *: name what goes into the image, not what stays out."
        )
    allowed = [ROOT / rule[1:] for rule in rules if rule.startswith("!")]
    files = [
        path
        for place in allowed
        for path in ([place] if place.is_file() else place.rglob("*"))
        if path.is_file()
    ]
    return [path for path in files if "__pycache__" not in path.parts]


class Rehearsal:
    """A Dockerfile's steps in a folder that stands for the image's root."""

    def __init__(self, folder: Path, port: int, reuse: Path | None) -> None:
        self.folder, self.port, self.reuse = folder, port, reuse
        self.environment = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
        self.workdir, self.user = folder, "0"
        self.command: list[str] = []
        self.health: list[str] = []

    def moved(self, text: str) -> str:
        """Put this folder before the image's own paths, and this port for the image's."""
        for path in IMAGE_PATHS:
            text = text.replace(path, f"{self.folder}{path}")
        return text.replace("8501", str(self.port))

    def step(self, instruction: str, rest: str) -> None:
        """Do one step; SystemExit for one that this rehearsal does not know."""
        if instruction == "FROM":
            version = ".".join(map(str, sys.version_info[:2]))
            if not re.match(rf"python:{re.escape(version)}\.\d+", rest):
                raise SystemExit(
                    f"The image is {rest}, this is Python {version}; run the rehearsal with the "
                    f"image's version."
                )
        elif instruction == "WORKDIR":
            self.workdir = Path(self.moved(rest))
            self.workdir.mkdir(parents=True)
        elif instruction == "COPY":
            self._copy(rest.split())
        elif instruction == "RUN":
            self._run(rest)
        elif instruction == "ENV":
            self.environment |= dict(word.split("=", 1) for word in shlex.split(rest))
        elif instruction == "USER":
            self.user = rest.partition(":")[0]
        elif instruction == "HEALTHCHECK":
            self.health = json.loads(self.moved(rest.partition("CMD ")[2]))
        elif instruction == "CMD":
            self.command = json.loads(self.moved(rest))
        elif instruction not in ("ARG", "EXPOSE"):
            raise SystemExit(f"The rehearsal knows no {instruction}.")

    def _copy(self, words: list[str]) -> None:
        rules = [
            line
            for line in (ROOT / ".dockerignore").read_text().splitlines()
            if line and not line.startswith("#")
        ]
        for path in included(rules):
            name = path.relative_to(ROOT)
            if words[0] in (".", str(name)):
                (self.workdir / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, self.workdir / name)

    def _run(self, command: str) -> None:
        if self.reuse is not None:
            place = Path(self.moved("/opt/venv"))
            place.parent.mkdir(parents=True, exist_ok=True)
            place.is_symlink() or place.symlink_to(self.reuse.resolve())
            return
        command = self.moved(command).replace(
            "python -m venv", f"{shlex.quote(sys.executable)} -m venv"
        )
        print(f"RUN {command}", flush=True)
        subprocess.run(["sh", "-ec", command], cwd=self.workdir, check=True)

    def start(self, log: Path) -> subprocess.Popen[bytes]:
        """Start the command: as root isolated, else as it is."""
        inside = [
            "env",
            "-i",
            *(f"{name}={value}" for name, value in self.environment.items()),
            *self.command,
        ]
        if os.getuid() == 0:
            base = Path(sys.base_prefix)
            private = next(
                (place for place in reversed(base.parents) if not place.stat().st_mode & 0o001),
                None,
            )
            before = (
                REACHABLE.format(folder=self.folder, base=base, private=private) if private else ""
            )
            inside = ["unshare", "--mount", "sh", "-c", before + ISOLATED, self.user, *inside]
        else:
            print("not root: the command runs as this user, and the file system stays as it is")
        with log.open("wb") as stream:
            return subprocess.Popen(
                inside,
                cwd=self.workdir,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def check(self, process: subprocess.Popen[bytes], log: Path) -> dict[str, object]:
        """Wait for the health check, then look at user, file system and page; SystemExit where
        one is not as it should be.
        """
        began = time.monotonic()
        while subprocess.run(self.health, capture_output=True).returncode:
            if process.poll() is not None or time.monotonic() - began > START_SECONDS:
                raise SystemExit(
                    f"The explorer did not become "
                    f"healthy:\n{log.read_text(errors='replace')[-2000:]}"
                )
            time.sleep(0.2)
        seconds = time.monotonic() - began
        status = Path(f"/proc/{process.pid}/status").read_text()
        facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        mounts = Path(f"/proc/{process.pid}/mounts").read_text().splitlines()
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=10) as answer:
            page = answer.status
        found = {
            "healthy_after_s": round(seconds, 1),
            "user": facts["Uid"].split()[0],
            "capabilities": int(facts["CapEff"], 16),
            "no_new_privileges": facts.get("NoNewPrivs", "0").strip() == "1",
            "read_only_root": any(
                words[1] == "/" and words[3].startswith("ro") for words in map(str.split, mounts)
            ),
            "page": page,
        }
        wanted = {
            "user": self.user,
            "capabilities": 0,
            "no_new_privileges": True,
            "read_only_root": True,
            "page": 200,
        }
        if os.getuid() == 0 and (
            wrong := {name: found[name] for name, value in wanted.items() if found[name] != value}
        ):
            raise SystemExit(f"Not as the Dockerfile says: {wrong}")
        return found


@contextlib.contextmanager
def rehearsed(
    folder: Path, reuse: Path | None, bundle: Path | None = None
) -> Iterator[tuple[str, dict[str, object]]]:
    """Do all steps in an empty folder; gives the running explorer's address and what was found."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    rehearsal = Rehearsal(folder, port, reuse)
    for step in read_steps((ROOT / "Dockerfile").read_text()):
        rehearsal.step(*step)
    if bundle is not None:
        rehearsal.environment["ASTROJEPA_BUNDLE"] = str(bundle.resolve())
    log = folder / "log.txt"
    process = rehearsal.start(log)
    try:
        yield f"http://localhost:{port}", rehearsal.check(process, log)
    finally:
        with contextlib.suppress(ProcessLookupError):  # it may have ended by itself
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def main() -> None:
    """Read the flags, rehearse, print what was found as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--reuse", type=Path, help="an environment to use instead of installing one"
    )
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path("/var/tmp"),
        help="where the fresh folder is made, not below /tmp",
    )
    parser.add_argument("--bundle", type=Path, help="a hosted bundle, not below /tmp")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="rehearsal-") as folder:
        Path(folder).chmod(0o755)
        with rehearsed(Path(folder), options.reuse, options.bundle) as (_, found):
            print(json.dumps(found))


if __name__ == "__main__":
    main()

"""Write requirements.lock from pyproject.toml: python deploy/lock.py UV [FLAG ...]

UV is the program uv, the flags are for `uv pip compile`. Versions that the lock has stay unless a
flag such as --upgrade says otherwise. What only development needs is marked with an extra, which
pip skips: the lock as it stands installs what the explorer and a training run on, and `make` takes
the versions of all of it.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
MARKER = ' ; extra == "dev"'
ENTRY = re.compile(
    r"^([A-Za-z0-9._-]+)(==\S+)((?: \\\n    --hash=sha256:[0-9a-f]{64})+)", re.MULTILINE
)
PLATFORM = ["--python-version", "3.11", "--python-platform", "x86_64-manylinux_2_28"]
PLAIN = [
    "--no-header",
    "--no-annotate",
    "--no-emit-index-url",
    "--no-emit-find-links",
    "--generate-hashes",
    "--quiet",
]


def compiled(uv: str, extra: str, flags: list[str]) -> dict[str, tuple[str, str]]:
    """Resolve pyproject.toml with one extra: {name: (version, hashes)}, as they stand in a lock."""
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "lock"
        # uv keeps the versions that it finds in its output
        made.write_text(without_markers(LOCK.read_text()))
        command = [
            uv,
            "pip",
            "compile",
            "pyproject.toml",
            "--extra",
            extra,
            *PLATFORM,
            *PLAIN,
            *flags,
            "--output-file",
            str(made),
        ]
        subprocess.run(command, cwd=ROOT, check=True)
        return {match[1]: (match[2], match[3]) for match in ENTRY.finditer(made.read_text())}


def without_markers(text: str) -> str:
    """Return a lock whose every line is for everybody."""
    return text.replace(MARKER, "")


def main(uv: str, *flags: str) -> None:
    """Resolve for users and for developers, and mark what only the latter need."""
    everybody, developers = (compiled(uv, extra, list(flags)) for extra in ("all", "dev"))
    head = "".join(
        line for line in LOCK.read_text().splitlines(keepends=True) if line.startswith("#")
    )
    lines = [
        f"{name}{version}{'' if name in everybody else MARKER}{hashes}\n"
        for name, (version, hashes) in sorted((developers | everybody).items())
    ]
    LOCK.write_text(head + "".join(lines))


if __name__ == "__main__":
    main(*sys.argv[1:])

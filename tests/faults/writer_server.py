"""A process that has imported everything once and forks writers that are meant to be killed.

Orders come as lines of JSON on standard input: kind, folder, the version to go on with, and perhaps
where the writer kills itself: before which `rename`, or before which `line` of the modules that
write. Answers on standard output: the writer's process id, every version that it has finished, and
"dead" at its end.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.faults.kinds import KINDS
from tests.forking import fork

PACKAGE = Path(__file__).parents[2] / "astrojepa"
WRITING = {str(PACKAGE / name) for name in ("files.py", "cache.py", "data/download/galaxy10.py")}
PATIENCE = 300.0  # seconds until a writer counts as hung
missing = [name for name in WRITING if not Path(name).is_file()]
assert not missing, f"{missing} moved: nothing would be killed there"


def die_before_rename(number: int) -> None:
    """Let this process kill itself when it is about to rename its file number `number`."""
    replace, left = Path.replace, iter(range(number - 1))

    def replace_or_die(path: Path, target: Path) -> Path:
        if next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)
        return replace(path, target)

    Path.replace = replace_or_die  # type: ignore[method-assign]


def die_before_line(number: int) -> None:
    """Let this process kill itself before it executes line number `number` of the modules that
    write.
    """
    left = iter(range(number - 1))

    def count(frame: FrameType, event: str, value: Any) -> Any:
        if event == "line" and next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)
        return count

    def choose(frame: FrameType, event: str, value: Any) -> Any:
        return count if frame.f_code.co_filename in WRITING else None

    sys.settrace(choose)


def tell(text: object) -> None:
    os.write(1, f"{text}\n".encode())


def main() -> None:
    tell("ready")
    for line in sys.stdin:
        order = json.loads(line)
        child = fork(PATIENCE)
        if child == 0:
            tell(f"pid {os.getpid()}")
            if order["rename"]:
                die_before_rename(order["rename"])
            if order["line"]:
                die_before_line(order["line"])
            kind, folder = KINDS[order["kind"]], Path(order["folder"])
            kind.begin(folder, order["version"])
            for version in itertools.count(order["version"]):
                kind.write(folder, version)
                tell(version)
        _, status = os.waitpid(child, 0)
        tell(
            "dead"
            if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
            else f"failed {status}"
        )


if __name__ == "__main__":
    main()

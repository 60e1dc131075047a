"""Forking, which is safe in a process of one thread only: a lock that another thread holds at that
moment stays locked in the child for ever.
"""

from __future__ import annotations

import faulthandler
import os
from pathlib import Path

# pyarrow's allocator starts a thread unless this is said before it is loaded
ALONE = {"JE_ARROW_MALLOC_CONF": "background_thread:false"}


def fork(seconds: float) -> int:
    """Fork as `os.fork` does; a child that still runs after so long says where and ends with 1."""
    threads = [path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm")]
    assert len(threads) == 1, f"a fork beside threads may hang: {threads}"
    child = os.fork()
    if child == 0:
        faulthandler.dump_traceback_later(seconds, exit=True)
    return child

"""What the server keeps of memory that it no longer uses: a real process."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

SCRIPT = """
import re, sys
import numpy as np
from app.server import memory

if sys.argv[1] == "give back":
    memory.give_back()

def held():
    return int(re.search(r"RssAnon:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024

del [np.ones(30 << 20, np.uint8)][0]  # the C library learns from it to keep blocks of this size
blocks = [np.ones(8 << 20, np.uint8) for _ in range(12)]
full = held()
del blocks[:-1]
print(full - held())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="about glibc's allocator")
def test_large_blocks_go_back_to_the_machine_although_a_later_one_is_kept() -> None:
    def given_back(how: str) -> float:
        command = [sys.executable, "-c", SCRIPT, how]
        untold = {
            name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")
        }
        return float(
            subprocess.run(command, env=untold, check=True, capture_output=True, text=True).stdout
        )

    assert given_back("give back") > 80
    assert given_back("as usual") < 20, "this allocator needs no telling; the module can go"

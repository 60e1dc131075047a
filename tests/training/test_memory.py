"""What a training frees is kept for its next step."""

from __future__ import annotations

import subprocess
import sys

import pytest

COUNT = """
import resource, sys
import numpy as np
from astrojepa.training.memory import keep_freed_memory
if sys.argv[1] == "kept":
    keep_freed_memory()
for turn in range(6):
    if turn == 3:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.empty(2**26, np.uint8).fill(1)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the C library of Linux is asked")
def test_a_block_that_was_freed_is_given_out_again_without_the_kernel() -> None:
    def faults(how: str) -> int:
        done = subprocess.run(
            [sys.executable, "-c", COUNT, how],
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
        return int(done.stdout)

    # three blocks of 64 MiB are 49,152 pages of 4 KiB, or 96 large ones
    assert faults("kept") < 100
    assert faults("given back") > 90

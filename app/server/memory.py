"""What a page used once goes back to the machine."""

from __future__ import annotations

import ctypes
import sys

M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8  # mallopt(3)
LARGE = 1 << 20  # bytes


def give_back() -> None:
    """Have the C library give large blocks back when they are freed, and keep two heaps only.

    By default it learns to keep blocks of up to 32 MB, and a server that drew one large map stays
    as large. Nothing where it is not glibc.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(M_MMAP_THRESHOLD, LARGE)
            mallopt(M_ARENA_MAX, 2)

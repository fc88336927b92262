"""Keeps the memory of blocks that were read for the next ones: without it, reading large files takes up to twice the CPU time."""

from __future__ import annotations

from functools import cache

import numpy as np

__all__ = ["keep_freed_memory"]


@cache
def keep_freed_memory() -> None:
    """For the whole process, once.

    glibc gives freed blocks of some megabytes back to the system and gets them again page by page, for each block, until it has
    seen a larger one come and go.
    """
    np.empty(24 << 20, np.uint8)  # and not a bytearray, which is written to: that takes as long as reading ten small files

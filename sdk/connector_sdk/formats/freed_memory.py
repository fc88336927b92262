"""Keeps the memory of blocks that were read for the next ones: without it, reading large files takes up to twice the CPU time."""

from __future__ import annotations

from functools import cache

__all__ = ["keep_freed_memory"]


@cache
def keep_freed_memory() -> None:
    """For the whole process, which this does once: it takes as long as reading a small file.

    glibc gives freed blocks of some megabytes back to the system and gets them again page by page, for each block, until it has
    seen a larger one come and go.
    """
    bytearray(24 << 20)

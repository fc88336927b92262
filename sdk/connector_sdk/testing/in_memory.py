"""Puts the temporary folders of tests into memory, where there is room: waiting for disks shows nothing about a connector."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["in_memory"]

ROOM = 256 << 20
"""Bytes that must be free in memory before folders are put there."""


@contextmanager
def in_memory() -> Iterator[None]:
    """Temporary folders lie in memory inside. What a killed process wrote there stays: its death is no power cut."""
    before, memory = tempfile.tempdir, Path("/dev/shm")  # noqa: S108 - each folder in it has a name and owner of its own
    with suppress(OSError):
        if os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > ROOM:
            tempfile.tempdir = str(memory)
    try:
        yield
    finally:
        tempfile.tempdir = before

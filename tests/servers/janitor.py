"""Clears up a server's folder, and whatever still runs in it, when the test process that made it has died without doing so.

Started by :mod:`tests.servers.tenancy` as ``python janitor.py PROCESS FOLDER``. It imports nothing of ours, and so is up at once.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path


def tenants(folder: Path) -> list[int]:
    """The processes that work in `folder` or below it. Database servers do, with all their children."""
    places = {_identity(place) for place in [folder, *folder.glob("*/")]} if folder.exists() else set()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # ended while we looked, or not ours to look at
            where = Path(os.readlink(entry / "cwd"))
            # In a chroot, a process with mounts of its own has another idea of the path than we have.
            if where.is_relative_to(folder) or _identity(entry / "cwd") in places:
                found.append(int(entry.name))
    return found


def _identity(place: Path) -> tuple[int, int]:
    seen = place.stat()
    return seen.st_dev, seen.st_ino


def evict(folder: Path, patience: float = 10.0) -> None:
    """SIGKILL for whatever works in `folder`, then its removal. Raises TimeoutError when one outlives `patience` seconds."""
    deadline = time.monotonic() + patience
    while left := tenants(folder):
        if time.monotonic() > deadline:
            raise TimeoutError(f"processes {left} still work in {folder}")
        for process in left:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        time.sleep(0.01)
    shutil.rmtree(folder, ignore_errors=True)


def watch(process: int, folder: Path) -> None:
    """Wait for the end of `process`, our parent, and evict. A parent that cleared up by itself ends us before."""
    try:
        parent = os.pidfd_open(process)
    except ProcessLookupError:
        parent = None
    if parent is not None and os.getppid() == process:
        select.select([parent], [], [])
    evict(folder)


if __name__ == "__main__":
    watch(int(sys.argv[1]), Path(sys.argv[2]))

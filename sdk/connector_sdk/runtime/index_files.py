"""Files in `config.index`: written once, synced, named in a state, and checked before they are believed.

What is larger than a state lies here: the snapshots of changes found by comparison, the ledgers of files that were read. A file
never changes. It is written under a hidden name, synced and renamed, so that one with its own name is whole; a state names it,
and it is removed once a later state is acknowledged.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import re
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from connector_sdk.errors import StateInvalidError
from connector_sdk.runtime.folder import local_error

__all__ = ["HIDDEN", "NewFile", "damaged", "folder_name", "make_folder", "mapped", "missing", "remove", "sync"]

HIDDEN = ".new-"
"""How the name of a file begins that does not count yet."""
READ_BYTES = 1 << 20


def folder_name(stream: str) -> str:
    """What a stream's folder in the index is called: plain on every system, different for each stream."""
    words = re.sub(r"[^A-Za-z0-9._-]+", "_", stream)[:60].strip(".") or "_"
    return f"{words}-{hashlib.sha256(stream.encode()).hexdigest()[:8]}"


def missing(path: Path) -> StateInvalidError:
    """The error for a file that a state or a manifest names and that is not there."""
    return StateInvalidError(
        f"{path} is missing: the state needs it to go on",
        hint="restore it (was it acknowledged, or deleted?), or reset the state and read everything again",
        code="index_missing",
    )


def damaged(path: Path, what: str) -> StateInvalidError:
    """The error for a file whose content is not what was written."""
    return StateInvalidError(
        f"{path} is damaged: {what}",
        hint="restore it from a backup, or reset the state and read everything again",
        code="index_damaged",
    )


class NewFile:
    """A file being written. `finish` makes it durable; `size` and `crc` are those of what was written so far.

    Raises LocalResourceError when the disk is full.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = self.crc = 0
        try:
            self._file: BinaryIO = path.open("wb", buffering=0)
        except OSError as error:
            raise local_error(error, path) from None

    def write(self, data: Any) -> None:
        """Add what `data`, anything with a buffer, holds."""
        view = memoryview(data).cast("B") if len(data) else memoryview(b"")
        self.crc = zlib.crc32(view, self.crc)
        self.size += len(view)
        try:
            while view:
                view = view[self._file.write(view) :]
        except OSError as error:
            raise local_error(error, self.path) from None

    def finish(self, *, durable: bool = True) -> None:
        try:
            if durable:
                os.fsync(self._file.fileno())
        except OSError as error:
            raise local_error(error, self.path) from None
        self.close()

    def close(self) -> None:
        """Release it; twice is fine."""
        with suppress(OSError):
            self._file.close()


def mapped(path: Path, size: int, crc: int) -> mmap.mmap | None:
    """The content of a file, checked and then mapped into memory; None when it is empty.

    Raises StateInvalidError when it is missing, or has another length or checksum than was written.
    """
    found = length = 0
    buffer = bytearray(READ_BYTES)
    try:
        with path.open("rb", buffering=0) as file:
            while count := file.readinto(buffer):
                found = zlib.crc32(memoryview(buffer)[:count], found)
                length += count
            if length != size or found != crc:
                what = f"{length:,} bytes, {size:,} were written" if length != size else "its content has changed"
                raise damaged(path, what)
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if length else None
    except FileNotFoundError:
        raise missing(path) from None
    except OSError as error:
        raise local_error(error, path) from None


def make_folder(folder: Path) -> None:
    """Make `folder` and what leads to it, so that they survive a crash. Raises OSError."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync(folder.parent)


def sync(folder: Path) -> None:
    """Return when the names in `folder` survive a crash. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove(path: Path) -> None:
    """Delete a file; a missing one is fine. Raises ConfigError or LocalResourceError when that fails."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise local_error(error, path) from None

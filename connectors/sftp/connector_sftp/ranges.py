"""A file of the folder read from anywhere, as a zip needs it: by opening it where the bytes are, never by keeping it."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO, TypeAlias

from connector_sdk.runtime.folder import Reader

__all__ = ["Opener", "Ranges", "from_file"]

Opener: TypeAlias = Callable[[int], Reader]
"""Opens one file at a byte offset."""

NEAR = 256 << 10
"""Bytes that are read over rather than jumped over: opening a file anew is three answers of the server."""


class Ranges:
    """`opener`'s file of `size` bytes, with one reader open at a time. For one thread."""

    def __init__(self, opener: Opener, size: int) -> None:
        self.size = size
        self._opener = opener
        self._reader: Reader | None = None
        self._at = 0

    def read_at(self, offset: int, size: int) -> bytes:
        """Up to `size` bytes from byte `offset`; ``b""`` at the end."""
        if self._reader is None or not 0 <= offset - self._at <= NEAR:
            self.close()
            self._reader = self._opener(offset)
            self._at = offset
        while self._at < offset:
            passed = self._reader.read(offset - self._at)
            if not passed:
                return b""
            self._at += len(passed)
        data = self._reader.read(size)
        self._at += len(data)
        return data

    def close(self) -> None:
        """Release the reader."""
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()


def from_file(file: BinaryIO) -> Opener:
    """An opener of an open local file, whose readers do not disturb one another. It is closed by whoever opened it."""
    return lambda offset: _Positioned(file, offset)


class _Positioned:
    def __init__(self, file: BinaryIO, offset: int) -> None:
        self._file = file
        self._at = offset

    def read(self, size: int = -1, /) -> bytes:
        self._file.seek(self._at)
        data = self._file.read(size)
        self._at += len(data)
        return data

    def close(self) -> None:
        """The file belongs to whoever opened it."""

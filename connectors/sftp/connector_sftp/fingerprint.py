"""What a file holds, as a few bytes that tell it from any other: taken from its raw bytes while they are read."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from connector_sdk.errors import ConfigError
from connector_sdk.runtime.folder import Entry, Reader

__all__ = ["HEAD", "Content", "Fingerprint"]

HEAD = 64 << 10
"""Bytes at the beginning of a file that mostly tell it from others; only where they do not is the rest compared."""
PIECE = 1 << 20

_Opener: TypeAlias = Callable[[int], Reader]


@dataclass(frozen=True)
class Fingerprint:
    """`head` is of the file's size and first bytes and is never 0, `high` and `low` are of all of its bytes (BLAKE2b)."""

    head: int
    high: int
    low: int


class Content:
    """The content of the file `entry`, opened by `opener`; is an opener itself, and looks at what passes from byte 0 on.

    Reading a file through it once, to its end, is all that a fingerprint costs; what was not read that way is read again.
    """

    def __init__(self, entry: Entry, opener: _Opener) -> None:
        self._entry = entry
        self._opener = opener
        self._begun: _Passing | None = None  # opened to look at the head, and not handed on yet
        self._passing: _Passing | None = None
        self._head: int | None = None
        self._found: Fingerprint | None = None

    def __call__(self, offset: int) -> Reader:
        """The content from byte `offset` on."""
        begun, self._begun = self._begun, None
        if offset == 0 and begun is not None:
            self._passing = begun
            return begun
        if begun is not None:
            begun.close()
        if offset or self._passing is not None or self._found is not None:
            return self._opener(offset)
        self._passing = _Passing(self._opener(0))
        return self._passing

    def head(self) -> int:
        """The first part of the fingerprint. Raises ConfigError when the file is not there."""
        if self._head is None:
            if self._begun is None:
                self._begun = _Passing(self._opener(0))
            self._head = _head(self._entry.size, self._begun.peek(HEAD))
        return self._head

    def fingerprint(self) -> Fingerprint | None:
        """What tells this content. None when the file is gone, or is not as long as it was when it was listed."""
        if self._found is None:
            passed = self._passing
            if passed is None or passed.size != self._entry.size:
                try:
                    passed, self._begun = self._begun or _Passing(self._opener(0)), None
                    try:
                        while passed.read(PIECE):
                            pass
                    finally:
                        passed.close()
                except ConfigError:
                    return None
            if passed.size != self._entry.size:
                return None
            digest = passed.digest()
            self._found = Fingerprint(
                _head(self._entry.size, passed.first), int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:], "little")
            )
        return self._found

    def close(self) -> None:
        """Release what was opened to look at it. Never raises."""
        if self._begun is not None:
            self._begun.close()
            self._begun = None


def _head(size: int, first: bytes) -> int:
    found = hashlib.blake2b(first, digest_size=8, salt=size.to_bytes(16, "little")).digest()
    return int.from_bytes(found, "little") or 1


class _Passing:
    """A reader that takes note of all that is read."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._hash = hashlib.blake2b(digest_size=16)
        self._peeked = b""
        self.size = 0
        self.first = b""

    def read(self, size: int = -1, /) -> bytes:
        if self._peeked:
            data = self._peeked if size < 0 else self._peeked[:size]
            self._peeked = self._peeked[len(data) :]
            return data
        return self._next(size)

    def peek(self, size: int) -> bytes:
        """Up to the first `size` bytes, which stay to be read."""
        pieces = [self._peeked]
        left = size - len(self._peeked)
        while left > 0 and (data := self._next(left)):
            pieces.append(data)
            left -= len(data)
        self._peeked = b"".join(pieces)
        return self._peeked[:size]

    def digest(self) -> bytes:
        return self._hash.digest()

    def close(self) -> None:
        self._reader.close()

    def _next(self, size: int) -> bytes:
        data = bytes(self._reader.read(size))
        self._hash.update(data)
        self.size += len(data)
        if len(self.first) < HEAD:
            self.first += data[: HEAD - len(self.first)]
        return data

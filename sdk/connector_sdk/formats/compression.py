"""Compressed files as the bytes inside them: told by their first bytes, checked to their end, and never larger than is sane."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import TypeAlias

from connector_sdk.errors import DataError

__all__ = ["LARGEST", "RATIO", "decompressed", "gzipped"]

Read: TypeAlias = Callable[[int], bytes]

RATIO = 1100
"""How many bytes one may become. Deflate's own limit is 1032; text compresses by 3 to 30."""

LARGEST = 1 << 40
"""Bytes that a file may become."""

_GRACE = 64 << 20  # a small file of one repeated line is no bomb
_GZIP = b"\x1f\x8b"
_SUSPICIOUS = 200


def decompressed(
    read: Read, *, place: str, compression: str = "auto", offset: int = 0, largest: int = LARGEST, ratio: float = _SUSPICIOUS
) -> Read:
    """A function that reads the content behind `read`, which stands at the file's start, from byte `offset` of the content on.

    `compression` is ``none``, ``gzip`` or ``auto``. Raises DataError (from the function returned) with the code ``truncated``,
    ``damaged``, or ``bomb`` when the content is over `largest` bytes, or over 64 MB and `ratio` times what was read.
    """
    head = b""
    while len(head) < 2 and (more := read(2 - len(head))):
        head += more
    if compression == "gzip" or (compression == "auto" and head == _GZIP):
        content: Read = _Gunzip(_with_head(head, read), place, largest, ratio).read
    else:
        content = _with_head(head, read)
    left = offset
    while left > 0:
        skipped = content(min(left, 1 << 20))
        if not skipped:
            raise DataError(f"{place} ends before byte {offset:,}, where reading was to go on", code="truncated")
        left -= len(skipped)
    return content


def gzipped(head: bytes) -> bool:
    """Whether a file that begins with `head` is gzip."""
    return head.startswith(_GZIP)


def _with_head(head: bytes, read: Read) -> Read:
    left = [head]

    def both(size: int) -> bytes:
        if left[0]:
            data, left[0] = left[0][:size], left[0][size:]
            return data
        return read(size)

    return both


class _Gunzip:
    """A gzip file, member after member (RFC 1952), a bounded piece at a time."""

    def __init__(self, read: Read, place: str, largest: int, ratio: float) -> None:
        self._read = read
        self._place = place
        self._largest = largest
        self._ratio = ratio
        self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)
        self._raw = b""
        self._taken = self._given = 0
        self._member = True  # a member is begun and not ended

    def read(self, size: int) -> bytes:
        while True:
            if not self._raw:
                self._raw = self._read(min(max(size, 1 << 12), 1 << 18))
                self._taken += len(self._raw)
                if not self._raw:
                    if self._member:
                        raise DataError(
                            f"{self._place} is truncated: its gzip data do not end", hint="get it again", code="truncated"
                        )
                    return b""
            if not self._member:
                self._raw = self._raw.lstrip(b"\0")  # padding between members
                if not self._raw:
                    continue
                self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)
                self._member = True
            try:
                data = self._inflate.decompress(self._raw, size)
            except zlib.error as error:
                raise DataError(f"{self._place} is damaged: {error}", hint="get it again", code="damaged") from None
            self._raw = self._inflate.unconsumed_tail
            if self._inflate.eof:
                self._raw = self._inflate.unused_data
                self._member = False
            self._given += len(data)
            self._guard()
            if data:
                return data

    def _guard(self) -> None:
        if self._given > self._largest or (self._given > _GRACE and self._given > self._ratio * self._taken):
            raise DataError(
                f"{self._place} expands to more than {self._given:,} bytes from {self._taken:,}: it was not read further",
                hint="a real file? Then decompress it beside, and read that",
                code="bomb",
            )

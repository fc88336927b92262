"""The end of a text file from DOS or CP/M: a Ctrl-Z behind the last line, or a sector full of them, is not a record."""

from __future__ import annotations

import codecs
from collections.abc import Callable

__all__ = ["without_dos_end"]

_MARK = b"\x1a"


def without_dos_end(read: Callable[[int], bytes], encoding: str) -> Callable[[int], bytes]:
    """`read` without the Ctrl-Zs that stand at the very end, alone on their line. Elsewhere they are what they are.

    In encodings that write them, or line ends, otherwise (EBCDIC, UTF-16) `read` is returned as it is.
    """
    if "\n\r\x1a".encode(codecs.lookup(encoding).name.replace("utf-8-sig", "utf-8")) != b"\n\r\x1a":
        return read
    held, before = b"", b""

    def shown(size: int) -> bytes:
        nonlocal held, before
        while more := read(size):
            data, held = held + more, b""
            if data.endswith(_MARK):
                text = data.rstrip(_MARK)
                if (text[-1:] or before) in (b"", b"\n", b"\r"):
                    data, held = text, data[len(text) :]
            if data:
                before = data[-1:]
                return data
        return b""

    return shown

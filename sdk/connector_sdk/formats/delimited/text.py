"""A window on a file's text: bytes in any encoding come in as UTF-8, and every place in it is known in the file's own bytes."""

from __future__ import annotations

import codecs
from collections.abc import Callable

__all__ = ["BOM", "Window", "encoded_bom"]

BOM = codecs.BOM_UTF8
_KEEP = "connector_sdk.keep"
_LOW = 0xDC00


def _keep(error: UnicodeError) -> tuple[str | bytes, int]:
    """Undecodable byte ``0xNN`` ↔ lone surrogate ``U+DCNN``, which is not valid UTF-8 and so is found again."""
    if isinstance(error, UnicodeDecodeError):
        return "".join(chr(_LOW + byte) for byte in error.object[error.start : error.end]), error.end
    assert isinstance(error, UnicodeEncodeError)
    end = error.start
    kept = bytearray()
    while end < len(error.object) and _LOW <= ord(error.object[end]) <= _LOW + 0xFF:
        kept.append(ord(error.object[end]) - _LOW)
        end += 1
    if not kept:
        raise error
    return bytes(kept), end


codecs.register_error(_KEEP, _keep)


def encoded_bom(encoding: str) -> bytes:
    """The byte order mark a file in `encoding` starts with: that of UTF-16 and UTF-32, nothing otherwise."""
    return "\ufeff".encode(encoding) if encoding.startswith(("utf-16", "utf-32")) else b""


class Window:
    """The text that is being looked at, as UTF-8, and the file's byte `offset` at which it starts.

    `read(n)` returns up to n bytes, ``b""`` at the end. Undecodable bytes stand in `text` as invalid UTF-8.
    """

    def __init__(self, read: Callable[[int], bytes], encoding: str, offset: int) -> None:
        self.text = b""
        self.offset = offset
        self.ended = False
        self._read = read
        self._encoding = encoding
        self._raw = b""
        plain = encoding in ("utf-8", "ascii")
        self._decoder = None if plain else codecs.getincrementaldecoder(encoding)(errors=_KEEP)

    def grow(self, size: int) -> None:
        """Take in at most `size` more bytes of the file; `ended` says whether there are any more."""
        parts = []
        while size > 0 and not self.ended:
            data = self._read(size)
            self.ended = not data
            parts.append(data)
            size -= len(data)
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        if self._decoder is None:
            self.text = self.text + data if self.text else data
            return
        self._raw += data
        try:
            more = self._decoder.decode(data, final=self.ended)
        except UnicodeDecodeError as error:  # the file ends inside a character
            more = "".join(chr(_LOW + byte) for byte in error.object[error.start :])
        self.text += more.encode("utf-8", "surrogatepass")

    def size(self, count: int) -> int:
        """How many of the file's bytes the first `count` bytes of the text stand for."""
        if self._decoder is None:
            return count
        head = self.text[:count].decode("utf-8", "surrogatepass")
        try:
            return len(head.encode(self._encoding, _KEEP))
        except UnicodeEncodeError:  # it ends inside a character, which only the end of the file does
            return len(self._raw)

    def raw(self, start: int, stop: int) -> bytes:
        """The file's own bytes from the text's byte `start` to `stop`."""
        if self._decoder is None:
            return self.text[start:stop]
        return self._raw[self.size(start) : self.size(stop)]

    def drop(self, count: int) -> None:
        """Move on by `count` bytes of text."""
        size = self.size(count)
        self._raw = self._raw[size:]
        self.text = self.text[count:]
        self.offset += size

    def take(self, count: int) -> bytes:
        """The file's own bytes for the first `count` bytes of text, which are then dropped."""
        gone = self.raw(0, count)
        self.drop(count)
        return gone

"""A window on a file's text: bytes in any encoding come in as UTF-8, and every place in it is known in the file's own bytes."""

from __future__ import annotations

import codecs
from collections.abc import Callable

__all__ = ["BOM", "Window", "encoded_bom", "is_ebcdic"]

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


def is_ebcdic(encoding: str) -> bool:
    """Whether it is an EBCDIC code page, in which files end their lines with NEL as often as with LF."""
    return "\x85\n".encode(encoding, "replace") == b"\x15\x25"


def _returning(data: bytes, encoding: str) -> str:
    """`data` as text, where what would be written as another number of bytes is taken as undecodable."""
    decoder = codecs.getincrementaldecoder(encoding)(errors=_KEEP)
    found, begun = [], b""
    for at in range(len(data)):
        begun += data[at : at + 1]
        text = decoder.decode(data[at : at + 1], final=at + 1 == len(data))
        if text:
            waiting = decoder.getstate()[0]
            whole, begun = begun[: len(begun) - len(waiting)], waiting
            same = len(text.encode(encoding, _KEEP)) == len(whole)
            found.append(text if same else "".join(chr(_LOW + byte) for byte in whole))
    return "".join(found)


class Window:
    """The text that is being looked at, as UTF-8, and the file's byte `offset` at which it starts.

    `read(n)` returns up to n bytes, ``b""`` at the end. Undecodable bytes stand in `text` as invalid UTF-8. So do the rare ones
    that would not be written as they were read (EUC-JP has two of one tilde), for then no place behind them would be known. In
    EBCDIC the text has LF for NEL.
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
        self._lines_by_nel = not plain and is_ebcdic(encoding)
        self._asian = not plain and len("\u8868".encode(encoding, "ignore")) > 1 and not encoding.startswith("utf")
        self._begun = b""
        self._counted = (0, 0)

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
        if self._asian:
            begun = self._begun + data
            self._begun = b"" if self.ended else self._decoder.getstate()[0]
            taken = begun[: len(begun) - len(self._begun)]
            if len(more.encode(self._encoding, _KEEP)) != len(taken):
                more = _returning(taken, self._encoding)
        if self._lines_by_nel:
            more = more.replace("\x85", "\n")
        self.text += more.encode("utf-8", "surrogatepass")

    def size(self, count: int) -> int:
        """How many of the file's bytes the first `count` bytes of the text stand for."""
        if self._decoder is None:
            return count
        known, size = self._counted if self._counted[0] <= count else (0, 0)
        head = self.text[known:count].decode("utf-8", "surrogatepass")
        try:
            size += len(head.encode(self._encoding, _KEEP))
        except UnicodeEncodeError:  # it ends inside a character, which only the end of the file does
            return len(self._raw)
        self._counted = (count, size)
        return size

    def raw(self, start: int, stop: int) -> bytes:
        """The file's own bytes from the text's byte `start` to `stop`."""
        if self._decoder is None:
            return self.text[start:stop]
        return self._raw[self.size(start) : self.size(stop)]

    def peek(self, count: int) -> bytes:
        """The file's own next `count` bytes, as far as they are here."""
        return (self.text if self._decoder is None else self._raw)[:count]

    def drop(self, count: int) -> None:
        """Move on by `count` bytes of text."""
        size = self.size(count)
        self._raw = self._raw[size:]
        self._counted = (0, 0)
        self.text = self.text[count:]
        self.offset += size

    def take(self, count: int) -> bytes:
        """The file's own bytes for the first `count` bytes of text, which are then dropped."""
        gone = self.raw(0, count)
        self.drop(count)
        return gone

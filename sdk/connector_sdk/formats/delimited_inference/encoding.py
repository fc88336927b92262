"""Which encoding a sample is in, by its byte order mark, its zero bytes, and whether all of it is UTF-8."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Encoding", "find_encoding"]

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_MULTIBYTE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_HIGH = re.compile(rb"[\x80-\xff]")
_NOT_CP1252 = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")


@dataclass(frozen=True)
class Encoding:
    """A codec's name, and in `question` or `note` what a person should know of the choice."""

    name: str
    question: str | None = None
    note: str | None = None


def find_encoding(chunks: Iterator[bytes]) -> Encoding:
    """The encoding of a file, all of whose bytes `chunks` gives."""
    head = b""
    while len(head) < 4096 and (more := next(chunks, b"")):
        head += more
    for mark, name in _MARKS:
        if head.startswith(mark):
            return Encoding(name)
    wide = _without_mark(head)
    if wide is not None:
        return Encoding(wide, note=f"there is no byte order mark; the zero bytes say {wide}")
    utf8, high, first, other = 0, 0, None, False
    position = 0
    tail = b""
    for chunk in _chain(head, chunks):
        text = tail + chunk
        # A character may be cut at the end of a chunk: its bytes wait for the next one.
        cut = len(text)
        for back in range(1, min(4, len(text)) + 1):
            byte = text[-back]
            if byte >= 0xC0:
                cut = len(text) - back
                break
            if byte < 0x80:
                break
        tail = text[cut:]
        text = text[:cut]
        if text.isascii():
            position += len(text)
            continue
        utf8 += len(_MULTIBYTE.findall(text))
        rest = _MULTIBYTE.sub(b"", text)
        bad = len(_HIGH.findall(rest))
        if bad and first is None:
            first = position + _first_bad(text)
        high += bad
        other = other or bool(_NOT_CP1252.search(rest))
        position += len(text)
    if tail and not _MULTIBYTE.fullmatch(tail):
        high += 1
        first = position if first is None else first
    if not high:
        return Encoding("utf-8")
    where = f"{high:,} bytes are not UTF-8, the first at byte {first:,}"
    name = "iso8859-1" if other else "cp1252"
    if utf8 > high:
        return Encoding("utf-8", question=f"{where}, beside {utf8:,} characters that are: their records will be rejects")
    if utf8:
        return Encoding(name, question=f"{where}, beside {utf8:,} characters that are: read as {name}, those will look wrong")
    return Encoding(name, note=f"{where}: taken for {name}")


def _chain(head: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield head
    yield from rest


def _first_bad(text: bytes) -> int:
    position = 0
    for found in _HIGH.finditer(text):
        if found.start() < position:
            continue
        good = _MULTIBYTE.match(text, found.start())
        if good is None:
            return found.start()
        position = good.end()
    return 0


def _without_mark(head: bytes) -> str | None:
    """UTF-16 without a mark: in any language, line ends and digits leave every other byte zero often enough."""
    size = min(len(head) & ~1, 4096)
    if size < 4:
        return None
    even, odd = head[0:size:2].count(0), head[1:size:2].count(0)
    half = size // 2
    if odd > 0.3 * half and even < 0.02 * half:
        return "utf-16-le"
    if even > 0.3 * half and odd < 0.02 * half:
        return "utf-16-be"
    return None

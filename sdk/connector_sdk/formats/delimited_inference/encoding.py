"""Which encoding a sample is in: by its byte order mark, its zero bytes, EBCDIC's blanks and digits, and whether it is UTF-8."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["EBCDIC", "Encoding", "find_encoding"]

EBCDIC = ("cp037", "cp500", "cp1140")
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
_RUNS = re.compile(rb"[\xc0-\xff]{4,}")
_OEM = re.compile(rb"(?<=[A-Za-z])[\x81\x82\x84\x87\x88\x89\x8b\x90\x93\x94](?=[a-z])")
_WORD = re.compile(rb"[A-Za-z\x80-\xff]*[\x80-\xff][A-Za-z\x80-\xff]*")
_EBCDIC_TEXT = bytes(
    [*range(0x40, 0x51), *range(0x5A, 0x62), *range(0x6A, 0x70), *range(0x79, 0x80), *range(0x81, 0x8A)]
) + bytes(
    [*range(0x91, 0x9A), *range(0xA2, 0xAA), *range(0xC0, 0xCA), *range(0xD0, 0xDA), *range(0xE2, 0xEA), *range(0xF0, 0xFA)]
)
_EBCDIC_ENDS = b"\x15\x25\x0d\x05\x9f"  # and the euro


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
    mainframe = _ebcdic(head)
    if mainframe is not None:
        return mainframe
    utf8, high, first, other = 0, 0, None, False
    runs = between = 0
    example = b""
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
        runs += len(_RUNS.findall(rest))
        between += len(_OEM.findall(rest))
        if bad and not example:
            found = _WORD.search(rest)
            example = found.group() if found else b""
        position += len(text)
    if tail and not _MULTIBYTE.fullmatch(tail):
        high += 1
        first = position if first is None else first
    if not high:
        return Encoding("utf-8")
    where = f"{high:,} bytes are not UTF-8, the first at byte {first:,}"
    if utf8 > high:
        return Encoding("utf-8", question=f"{where}, beside {utf8:,} characters that are: their records will be rejects")
    name = "iso8859-1" if other else "cp1252"
    if utf8:
        return Encoding(name, question=f"{where}, beside {utf8:,} characters that are: read as {name}, those will look wrong")
    if 2 * between > high:
        shown = _shown(example, ("cp850", "cp1252"))
        return Encoding("cp850", question=f"{where}; they look like those of DOS (cp850), not of Windows: {shown}")
    if runs and 4 * runs > high // 4:
        shown = _shown(example, (name, "cp1251", "cp1253", "cp1250"))
        return Encoding(name, question=f"{where}, and stand in rows as in no western language; which is right? {shown}")
    return Encoding(name, note=f"{where}: taken for {name}, {_shown(example, (name,))}")


def _shown(word: bytes, names: tuple[str, ...]) -> str:
    return ", ".join(f"{word.decode(name, 'replace')!r} as {name}" for name in names)


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


def _ebcdic(head: bytes) -> Encoding | None:
    """EBCDIC: nearly all bytes are its letters, digits, blanks and line ends, and hardly any are those of ASCII."""
    if len(head) < 8 or (b"\n" in head and b"\x25" not in head and b"\x15" not in head):
        return None
    digits = sum(head.count(byte) for byte in range(0xF0, 0xFA))
    letters = sum(head.count(byte) for byte in (*range(0x81, 0x8A), *range(0x91, 0x9A), *range(0xA2, 0xAA), *range(0xC1, 0xCA)))
    text = sum(head.count(byte) for byte in _EBCDIC_TEXT + _EBCDIC_ENDS)
    if text < 0.97 * len(head) or digits + letters < 0.3 * len(head):
        return None
    if b"\x15" not in head and b"\x25" not in head:
        return None
    differ = [byte for byte in range(256) if bytes([byte]).decode("cp037") != bytes([byte]).decode("cp500")]
    there = [byte for byte in differ if byte in head]
    euro = b"\x9f" in head
    name = "cp1140" if euro else "cp037"
    if there:
        word = bytes(there[:8])
        asked = f"it is EBCDIC; {_shown(word, (name, 'cp500'))}: {name} was taken, please look"
        return Encoding(name, question=asked)
    rest = "cp1140, since there is a euro sign" if euro else "cp037; nothing in it tells cp037 from cp500 and cp1140"
    return Encoding(name, note=f"it is EBCDIC: {rest}")


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

"""Which encoding a sample is in: by its byte order mark, its zero bytes, EBCDIC's blanks and digits, and whether it is UTF-8."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass

from connector_sdk.formats.delimited_inference.ebcdic import is_ebcdic_text, page_of

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
_RUNS = re.compile(rb"[\xc0-\xff]{4,}")
_OEM = re.compile(rb"(?<=[A-Za-z])[\x81\x82\x84\x87\x88\x89\x8b\x90\x93\x94](?=[a-z])")
_LETTER = rb"A-Za-z\x8a\x8c\x8e\x9a\x9c\x9e\x9f\xc0-\xd6\xd8-\xf6\xf8-\xff"
_STRANGE = re.compile(
    rb"[\x81\x8d\x8f\x90\x9d]|(?<=[%b])[\x80\x82-\x84\x86-\x89\x8b\x93-\x95\x98\x99\x9b\xa1-\xa5\xa8\xa9\xab\xae\xaf\xb1-\xb3"
    rb"\xb5\xb8\xb9\xbb-\xbf](?=[%b])" % (_LETTER, _LETTER)
)
"""What is no character of cp1252, or a mark of it between letters: there it is a letter of some other code page."""
_APART = ((b"\xf8", b"\xe8\xec\xf9"), (b"\xfe", b"\xe3\xe7\xfc"))
"""Letters of cp1252 that no language has in one word: ø with è, ì or ù is Czech, þ with ã, ç or ü is Romanian or Turkish."""
_TOGETHER = re.compile(
    b"|".join(rb"[%b][A-Za-z\x80-\xff]{0,40}?[%b]" % pair for one, others in _APART for pair in ((one, others), (others, one)))
)
_JAPANESE = re.compile("[\u3040-\u30ff\u4e00-\u9fff]{2,}")
_WORD = re.compile(rb"[A-Za-z\x80-\xff]*[\x80-\xff][A-Za-z\x80-\xff]*")


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
    if is_ebcdic_text(head):
        name, looks = page_of(_chain(head, chunks))
        if looks is not None:
            return Encoding(name, question=f"it is EBCDIC: {looks}; {name} was taken, please look")
        which = "cp1140, since there is a euro sign" if name == "cp1140" else f"{name}; nothing in it tells its code pages apart"
        return Encoding(name, note=f"it is EBCDIC: {which}")
    utf8, high, first, other = 0, 0, None, False
    runs = between = strange = together = 0
    example = odd_example = b""
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
        strange += len(_STRANGE.findall(rest))
        together += len(_TOGETHER.findall(rest))
        if (strange or together) and not odd_example:
            odd_example = next((word for word in _WORD.findall(rest) if _STRANGE.search(word) or _TOGETHER.search(word)), b"")
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
    if _is_japanese(head):
        return Encoding("cp932", question=f"{where}; they look Japanese (cp932), {_shown(example, ('cp932', name))}: please look")
    if 2 * between > high:
        shown = _shown(example, ("cp850", "cp1252"))
        return Encoding("cp850", question=f"{where}; they look like those of DOS (cp850), not of Windows: {shown}")
    if runs and 4 * runs > high // 4:
        shown = _shown(example, (name, "cp1251", "cp1253", "cp1250"))
        return Encoding(name, question=f"{where}, and stand in rows as in no western language; which is right? {shown}")
    if other or 20 * strange > high or 200 * together > high:
        shown = _shown(odd_example or example, (name, "cp1250", "cp850"))
        return Encoding(
            name, question=f"{where}, and some are no letters of {name} where letters should be; which is right? {shown}"
        )
    return Encoding(name, note=f"{where}: taken for {name}, {_shown(example, (name,))}")


def _is_japanese(head: bytes) -> bool:
    """Whether it is Shift-JIS, and most of what is not ASCII in it are its words; a western letter may look like one of them."""
    try:
        text = codecs.getincrementaldecoder("cp932")().decode(head)
    except UnicodeDecodeError:
        return False
    words = sum(map(len, _JAPANESE.findall(text)))
    return words > 1 and words >= 0.5 * sum(not character.isascii() for character in text)


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

"""EBCDIC, and which of its code pages: told apart from ASCII by its line ends and the bytes it has not, then by its letters."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice

__all__ = ["is_ebcdic_text", "page_of"]

PAGES = ("cp037", "cp500", "cp273")
"""Those that Python knows and western texts are in; the first ones are preferred. cp1140 is cp037 with a euro sign."""
_ENDS = b"\x15\x25"
_BLANKS = b"\x05\x0d"
_EURO = b"\x9f"
_LETTERS = bytes([*range(0x81, 0x8A), *range(0x91, 0x9A), *range(0xA2, 0xAA)])
_CAPITALS = bytes([*range(0xC1, 0xCA), *range(0xD1, 0xDA), *range(0xE2, 0xEA)])
_DIGITS = bytes(range(0xF0, 0xFA))
_MARKS = " .<(+&*);-/,%_>?:'=\"".encode("cp037")
_WORD_ENDS = re.escape(b"\x40\x6b\x5e\x7f\x7d" + _ENDS + _BLANKS)
_WORDS = 5000


def _differ(one: str, other: str) -> bytes:
    pairs = ((bytes([code]), bytes([code]).decode(one), bytes([code]).decode(other)) for code in range(256))
    letters = other == "cp273"  # of marks, all national pages have their own; they are told by their letters
    return b"".join(code for code, a, b in pairs if a != b and code != _EURO and (not letters or a.isalpha() or b.isalpha()))


_TELLING = bytes(sorted({*_differ("cp037", "cp500"), *_differ("cp037", "cp273")}))
_TELLING_WORD = re.compile(rb"[^%b]*[%b][^%b]*" % (_WORD_ENDS, re.escape(_TELLING), _WORD_ENDS))


def is_ebcdic_text(head: bytes) -> bool:
    """Whether a file that begins with `head` is in EBCDIC: no text in ASCII lacks all of its marks, digits and line ends."""
    if len(head) < 8 or not any(end in head for end in (b"\x15", b"\x25")):
        return False
    apart = _ENDS + _BLANKS
    low = _count(head, bytes(range(0x40))) - _count(head, apart)
    words = _count(head, _LETTERS + _CAPITALS + _DIGITS)
    known = words + _count(head, _MARKS + apart)
    return low <= 0.005 * len(head) and words >= 0.3 * len(head) and known >= 0.6 * len(head)


def page_of(chunks: Iterable[bytes]) -> tuple[str, str | None]:
    """The code page of a whole file, and how its words look in those that are as possible; None when they do not differ."""
    words: list[bytes] = []
    euro = False
    for chunk in chunks:
        euro = euro or _EURO in chunk
        if _count(chunk, _TELLING):
            words += (found[0] for found in islice(_TELLING_WORD.finditer(chunk), _WORDS - len(words)))
    best = max(PAGES, key=lambda page: sum(_fits(word, page) for word in words))
    name = "cp1140" if euro and best == "cp037" else best
    if not words:
        return name, None
    looks: dict[str, list[str]] = {}
    example = max(words, key=lambda word: len({word.decode(page) for page in PAGES}))
    for page in (name, *(page for page in PAGES if page != best)):
        looks.setdefault(example[:40].decode(page), []).append(page)
    return name, ", ".join(f"{look!r} as {' or '.join(pages)}" for look, pages in looks.items())


def _fits(word: bytes, page: str) -> int:
    """How well the telling bytes between letters are letters, too; at the ends of a word they may be brackets and other marks."""
    text, score = word.decode(page), 0
    for place in range(1, len(word) - 1):
        before, character, behind = text[place - 1], text[place], text[place + 1]
        if word[place] in _TELLING and before.isalpha() and behind.isalpha():
            score += 1 if character.isalpha() and (character.islower() or before.isupper()) else -1
    return score


def _count(data: bytes, some: bytes) -> int:
    return len(data) - len(data.translate(None, some))

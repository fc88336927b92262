"""What stands between values, as bytes: the dialect's own marks, and the single ASCII ones that Arrow can be told of instead.

Arrow's reader takes one ASCII character for each mark. For ``||``, ``§`` or ``«`` a character that a block does not have at all
stands in for that block; where the mark was part of a value, it is put back into it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pyarrow.compute

from connector_sdk.formats.layout import Delimited

__all__ = ["Marks", "StandIns", "mended"]

pc: Any = pyarrow.compute  # the stubs know fewer combinations than Arrow does

_FREE = bytes(code for code in (0x1F, 0x1E, 0x1D, 0x1C, *range(1, 0x1C), 0x7F, *range(0x21, 0x7F)) if code not in b"\t\n\r")
"""Characters that may stand in, those that texts hardly have first. Blanks, which Arrow trims, may not."""


_NONE = [chr(code) for code in (*range(0xFDD0, 0xFDF0), *range(0xF0000, 0xF4000))]
"""Noncharacters, and private ones: a block of 16 MB at most has not all of them."""
_UNDECODABLE = re.compile("[\udc80-\udcff]+")


@dataclass(frozen=True, kw_only=True)
class StandIns:
    """One block as Arrow is to read it: its text, the marks in it, and which of them (key) stands for what (value)."""

    text: memoryview
    delimiter: str
    quote: str | None
    escape: str | None
    meant: dict[bytes, bytes]

    def restored(self, values: Any) -> Any:
        """`values` (text or binary) with the marks that were part of them."""
        for stand_in, mark in self.meant.items():
            if pc.any(pc.match_substring(values, stand_in), min_count=0).as_py():
                values = pc.replace_substring(values, stand_in, mark)
        return values


def mended(text: memoryview) -> tuple[memoryview, dict[bytes, bytes]]:
    """Text that is not all UTF-8 as one that is, and what in it stands for an undecodable byte.

    Arrow would not say which records are ragged in any other.
    """
    whole = bytes(text).decode("utf-8", "surrogateescape")
    stand_in = next(character for character in _NONE if character not in whole)
    return memoryview(_UNDECODABLE.sub(stand_in, whole).encode()), {stand_in.encode(): b"\xff"}


class Marks:
    """One dialect's marks."""

    def __init__(self, form: Delimited) -> None:
        self.delimiter = form.delimiter.encode()
        self.quote = None if form.quote is None else form.quote.encode()
        self.escape = None if form.escape is None else form.escape.encode()
        self.comment = None if form.comment is None else form.comment.encode()
        self._form = form
        self._all = [mark for mark in (self.delimiter, self.quote, self.escape) if mark is not None]
        self._strange = [mark for mark in self._all if len(mark) > 1]

    def for_arrow(self, text: memoryview) -> StandIns | None:
        """Whole records as Arrow is to read them; None when they have every character there is, and none is left."""
        form = self._form
        if not self._strange:
            return StandIns(text=text, delimiter=form.delimiter, quote=form.quote, escape=form.escape, meant={})
        whole = bytes(text)
        free = (bytes((code,)) for code in _FREE if bytes((code,)) not in (*self._all,) and code not in whole)
        chosen = dict(zip(self._strange, free, strict=False))
        if len(chosen) < len(self._strange):
            return None
        inner = (self.quote is not None and self.quote in whole) or (self.escape is not None and self.escape in whole)
        told = [None if mark is None else chosen.get(mark, mark).decode() for mark in (self.delimiter, self.quote, self.escape)]
        return StandIns(
            text=memoryview(self._changed(whole, chosen)),
            delimiter=told[0] or "",
            quote=told[1],
            escape=told[2],
            meant={stand_in: mark for mark, stand_in in chosen.items()} if inner else {},
        )

    def _changed(self, text: bytes, chosen: dict[bytes, bytes]) -> bytes:
        if self.escape is None or self.escape not in text:
            for mark, stand_in in chosen.items():
                text = text.replace(mark, stand_in)
            return text
        escape = self.escape  # what follows one is no mark
        shown = chosen.get(escape, escape)
        marks = b"|".join(re.escape(mark) for mark in chosen if mark != escape)
        found = re.escape(escape) + b"(.)" + (b"|" + marks if marks else b"")
        return re.sub(found, lambda m: chosen[m[0]] if m[1] is None else shown + m[1], text, flags=re.DOTALL)

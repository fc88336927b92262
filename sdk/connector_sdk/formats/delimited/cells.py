"""One record's values, one by one: where each of them lies, and what it says. For headers, for people, and for odd blocks."""

from __future__ import annotations

import re
from collections.abc import Iterator

from connector_sdk.formats.delimited.marks import Marks

__all__ = ["cells", "spans", "value_of"]


def cells(record: bytes, marks: Marks) -> Iterator[tuple[bytes, bool]]:
    """Each value of a record without its quotes and escapes, and whether it had quotes."""
    return (value_of(record[start:stop], marks) for start, stop in spans(record, 0, len(record), marks))


def spans(text: bytes, start: int, stop: int, marks: Marks) -> list[tuple[int, int]]:
    """Where each value of the record `text[start:stop]` lies, its quotes included."""
    delimiter, quote, escape = marks.delimiter, marks.quote, marks.escape
    known = [mark for mark in (delimiter, quote, escape) if mark is not None]
    next_mark = re.compile(b"|".join(re.escape(mark) for mark in sorted(known, key=len, reverse=True)))
    found, begin, at, quoted = [], start, start, False
    while (mark := next_mark.search(text, at, stop)) is not None:
        at = mark.end()
        if mark[0] == escape:
            at += 1
        elif mark[0] == quote and (quoted or mark.start() == begin):
            quoted = not quoted
            if not quoted and text.startswith(mark[0], at, stop):  # a doubled one
                quoted = True
                at += len(mark[0])
        elif mark[0] == delimiter and not quoted:
            found.append((begin, mark.start()))
            begin = at
    return [*found, (begin, stop)]


def value_of(raw: bytes, marks: Marks) -> tuple[bytes, bool]:
    """A value without its quotes and escapes, and whether it had quotes."""
    quote, escape = marks.quote, marks.escape
    quoted = quote is not None and len(raw) >= 2 * len(quote) and raw.startswith(quote) and raw.endswith(quote)
    if quoted and quote is not None:
        raw = raw[len(quote) : -len(quote)]
    doubled = re.escape(quote) * 2 if quoted and quote is not None else b""
    escaped = re.escape(escape) + b"(.)" if escape is not None else b""
    if doubled or escaped:
        known = b"|".join(filter(None, (escaped, doubled)))
        raw = re.sub(known, lambda found: _said(found, quote), raw, flags=re.DOTALL)
    return raw, quoted


def _said(found: re.Match[bytes], quote: bytes | None) -> bytes:
    if found.re.groups and found[1] is not None:
        return found[1]
    return quote or b""

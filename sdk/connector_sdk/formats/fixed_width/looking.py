"""One record of a fixed-width file, field by field: for whoever wants to see what is in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from connector_sdk import types
from connector_sdk.formats.fixed_width.code_page import Bytes, CodePage, code_page
from connector_sdk.formats.fixed_width.framing import cut
from connector_sdk.formats.fixed_width.notation import notation
from connector_sdk.formats.fixed_width.record_types import record_length, records_of
from connector_sdk.formats.fixed_width.values import parse
from connector_sdk.formats.layout import Field, Layout, Record
from connector_sdk.formats.looked import LookedAt, Value

__all__ = ["look"]

_BLOCK = 1 << 20
_LONGEST = 16 << 20


def look(layout: Layout, read: Callable[[int], bytes], number: int = 1, *, offset: int | None = None) -> LookedAt | None:
    """The record `number`, counted from 1; None when there are not so many. With `offset`, `read` stands there, at a record.

    `layout` is that of the file or of one of its streams. A record that cannot be decoded is shown as far as it goes.
    """
    form, page = layout.fixed_width, code_page(layout.encoding)
    records = records_of(layout)
    length = record_length(form, records[0], records)
    text, ended, seen, line, at = b"", False, 0, 1, offset or 0
    while True:
        while len(text) < max(_BLOCK, 2 * length) and not ended:
            more = read(_BLOCK)
            ended = not more
            text += more
        found = cut(form, page, length, text, final=ended or len(text) > _LONGEST)
        if not found.size:
            return None
        if seen + len(found) >= number:
            row = number - seen - 1
            start = int(found.starts[row])
            raw = text[start : start + int(found.lengths[row])]
            looked = _looked(layout, page, records, raw, at + start)
            if offset is not None:
                return looked
            return replace(looked, number=number, line=line + found.line(row) if form.framing == "lines" else None)
        seen, line, at, text = seen + len(found), line + found.lines, at + found.size, text[found.size :]


def _looked(layout: Layout, page: CodePage, records: Sequence[Record], raw: bytes, offset: int) -> LookedAt:
    # As the file is read: the first whose text is there, and the one without a text has what is left.
    told = sorted(records, key=lambda each: each.when is None)
    record = next((each for each in told if _is(each, page, raw)), None)
    if record is None:
        whole = (_unknown(page, raw, offset),)
        return LookedAt(raw=raw, offset=offset, values=whole, problem="no type of record begins like this")
    length = record_length(layout.fixed_width, record, records)
    short = len(raw) < length and layout.fixed_width.trimmed
    problem = None if len(raw) == length or short else f"it has {len(raw)} bytes, {length} were expected"
    padded = raw + page.encode(" ") * (length - len(raw)) if short else raw
    values = tuple(_values(record, page, padded, offset))
    name = record.name if layout.fixed_width.records else None
    return LookedAt(raw=raw, offset=offset, values=values, record=name, problem=problem)


def _is(record: Record, page: CodePage, raw: bytes) -> bool:
    when = record.when
    if when is None:
        return True
    return raw[when.start - 1 : when.end] in [page.encode(value.ljust(when.length)) for value in when.value]


def _values(record: Record, page: CodePage, raw: bytes, offset: int) -> Iterator[Value]:
    """The fields in the order of their places, and what lies between them."""
    at = 0
    for field in sorted(record.fields, key=lambda field: field.place.start if field.place else 0):
        assert field.place is not None
        if field.place.offset > at and raw[at : field.place.offset]:
            yield _unknown(page, raw[at : field.place.offset], offset + at)
        at = field.place.end
        yield _value(field, page, raw[field.place.offset : at], offset + field.place.offset)
    if raw[at:]:
        yield _unknown(page, raw[at:], offset + at)


def _unknown(page: CodePage, raw: bytes, offset: int) -> Value:
    """Bytes that no field covers, as what they are if they are text."""
    text = raw.decode(page.encoding, "replace")
    return Value(field=None, offset=offset, raw=raw, value=text if text.isprintable() else None)


def _value(field: Field, page: CodePage, raw: bytes, offset: int) -> Value:
    how = notation(field, page)
    if len(raw) < how.place.length:
        return Value(field=field.name, offset=offset, raw=raw, type=field.type, problem="the record ends before or within it")
    plain = page.to_plain(raw)
    column = parse(how, _row(raw), _row(plain), is_ascii=plain.isascii())
    value, problem = column.values[0].as_py(), None
    if column.bad is not None:
        problem = f"not all {page.encoding}" if column.code == "encoding" else f"no {types.to_text(field.type)}"
    elif value is None and not field.nullable:
        problem = "there is no value, and one is required"
    return Value(field=field.name, offset=offset, raw=raw, value=value, type=field.type, problem=problem)


def _row(data: bytes) -> Bytes:
    return np.frombuffer(data, dtype=np.uint8).reshape(1, len(data))

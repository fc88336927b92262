"""One record of a delimited file, value by value: for whoever wants to see what is in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pyarrow as pa

from connector_sdk.formats.delimited.cells import spans, value_of
from connector_sdk.formats.delimited.header import take_rows
from connector_sdk.formats.delimited.marks import Marks
from connector_sdk.formats.delimited.records import Grammar, Segment, count_lines, last_lines
from connector_sdk.formats.delimited.text import Window
from connector_sdk.formats.delimited.values import describe_type, is_text, parse
from connector_sdk.formats.layout import Layout
from connector_sdk.formats.looked import LookedAt, Value

__all__ = ["look"]

_BLOCK = 1 << 20
_LONGEST = 16 << 20


def look(layout: Layout, read: Callable[[int], bytes], number: int = 1, *, offset: int | None = None) -> LookedAt | None:
    """The record `number`, counted from 1 after the header; None when there are not so many. With `offset`, `read` stands
    there, at a record. A record that cannot be decoded is shown as far as it goes.
    """
    form, grammar = layout.delimited, Grammar(layout.delimited)
    window = Window(read, layout.encoding, offset or 0)
    window.grow(_BLOCK)
    line = 1
    left = number
    if offset is None:
        _, line = take_rows(window, grammar, header=form.header, blank=len(layout.fields) == 1, limit=_LONGEST)
    while window.text:
        shown = window.text[: last_lines(window.text, form.footer)] if form.footer else window.text
        segments = grammar.cut(shown, final=window.ended)
        if not segments and not window.ended and len(window.text) < _LONGEST:
            window.grow(_BLOCK)
            continue
        if not segments:
            return None
        for segment in segments:
            for start, stop in _records(grammar, window.text, segment):
                if start == stop and len(layout.fields) > 1:
                    continue  # an empty line
                left -= 1
                if not left:
                    found = _looked(layout, grammar.marks, window, start, stop, segment.broken)
                    if offset is not None:
                        return found
                    counted = line + count_lines(window.text, 0, start)
                    return LookedAt(
                        raw=found.raw,
                        offset=found.offset,
                        values=found.values,
                        problem=found.problem,
                        number=number,
                        line=counted,
                    )
        line += count_lines(window.text, 0, segments[-1].stop)
        window.drop(segments[-1].stop)
        if not window.ended:
            window.grow(_BLOCK)
    return None


def _records(grammar: Grammar, text: bytes, segment: Segment) -> Iterator[tuple[int, int]]:
    """Where the records of a segment begin and end in `text`."""
    if segment.broken is not None:
        yield segment.start, segment.start + len(text[segment.start : segment.stop].rstrip(b"\r\n"))
        return
    begin = segment.start
    for start, stop in (*segment.gaps, (segment.stop, segment.stop)):
        yield from ((begin + first, begin + last) for first, last in grammar.split(text[begin:start]))
        begin = stop


def _looked(layout: Layout, marks: Marks, window: Window, start: int, stop: int, broken: str | None) -> LookedAt:
    found = spans(window.text, start, stop, marks)
    values = []
    for number, (first, last) in enumerate(found):
        raw, at = window.raw(first, last), window.offset + window.size(first)
        if number >= len(layout.fields):
            values.append(Value(field=None, offset=at, raw=raw, problem="there is no field for it"))
            continue
        field = layout.fields[number]
        text, quoted = value_of(window.text[first:last], marks)
        given = None if not text and not quoted else text
        null = given is not None and not quoted and text.decode("utf-8", "replace") in field.null and is_text(field.type)
        column, bad = parse(field, pa.array([None if null else given], pa.binary()))
        value = column[0].as_py()
        problem = f"no {describe_type(field.type)}" if bad.get(0) == "type" else f"not all {layout.encoding}" if bad else None
        if value is None and not bad and not field.nullable:
            problem = "there is no value, and one is required"
        values.append(Value(field=field.name, offset=at, raw=raw, value=value, type=field.type, problem=problem))
    for field in layout.fields[len(found) :]:
        at = window.offset + window.size(stop)
        values.append(Value(field=field.name, offset=at, raw=b"", type=field.type, problem="the record ends before it"))
    count = len(found)
    problem = broken or (None if count == len(layout.fields) else f"it has {count} values, {len(layout.fields)} were expected")
    raw, offset = window.raw(start, stop), window.offset + window.size(start)
    return LookedAt(raw=raw, offset=offset, values=tuple(values), problem=problem)

"""One record of a delimited file, value by value: for whoever wants to see what is in it."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

from connector_sdk.formats.delimited.records import Grammar, count_lines
from connector_sdk.formats.delimited.text import BOM, Window
from connector_sdk.formats.delimited.values import describe_type, is_text, parse
from connector_sdk.formats.layout import Delimited, Layout
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
        if window.text.startswith(BOM):
            window.drop(len(BOM))
        for _ in range(form.skip):
            stop = grammar.first_line(window.text, 0, final=window.ended)
            window.drop(len(window.text) if stop is None else stop)
            line += 1
        left += form.header
    while window.text:
        segments = grammar.cut(window.text, final=window.ended)
        if not segments and not window.ended and len(window.text) < _LONGEST:
            window.grow(_BLOCK)
            continue
        if not segments:
            return None
        for segment in segments:
            inner = window.text[segment.start : segment.stop]
            spans = [(0, len(inner.rstrip(b"\r\n")))] if segment.broken is not None else list(grammar.split(inner))
            for start, stop in spans:
                if start == stop and len(layout.fields) > 1:
                    continue  # an empty line
                left -= 1
                if not left:
                    found = _looked(layout, window, segment.start + start, segment.start + stop, segment.broken)
                    if offset is not None:
                        return found
                    counted = line + count_lines(window.text, 0, segment.start + start)
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


def _looked(layout: Layout, window: Window, start: int, stop: int, broken: str | None) -> LookedAt:
    spans = _spans(window.text, start, stop, layout.delimited)
    values = []
    for number, (first, last) in enumerate(spans):
        raw, at = window.raw(first, last), window.offset + window.size(first)
        if number >= len(layout.fields):
            values.append(Value(field=None, offset=at, raw=raw, problem="there is no field for it"))
            continue
        field = layout.fields[number]
        text, quoted = _text(window.text[first:last], layout.delimited)
        given = None if not text and not quoted else text
        null = given is not None and not quoted and text.decode("utf-8", "replace") in field.null and is_text(field.type)
        column, bad = parse(field, pa.array([None if null else given], pa.binary()))
        value = column[0].as_py()
        problem = f"no {describe_type(field.type)}" if bad.get(0) == "type" else f"not all {layout.encoding}" if bad else None
        if value is None and not bad and not field.nullable:
            problem = "there is no value, and one is required"
        values.append(Value(field=field.name, offset=at, raw=raw, value=value, type=field.type, problem=problem))
    for field in layout.fields[len(spans) :]:
        at = window.offset + window.size(stop)
        values.append(Value(field=field.name, offset=at, raw=b"", type=field.type, problem="the record ends before it"))
    count = len(spans)
    problem = broken or (None if count == len(layout.fields) else f"it has {count} values, {len(layout.fields)} were expected")
    raw, offset = window.raw(start, stop), window.offset + window.size(start)
    return LookedAt(raw=raw, offset=offset, values=tuple(values), problem=problem)


def _spans(text: bytes, start: int, stop: int, form: Delimited) -> list[tuple[int, int]]:
    """Where each value of a record lies, its quotes included."""
    delimiter = form.delimiter.encode()
    quote, escape = ((mark or "").encode() for mark in (form.quote, form.escape))
    spans, begin, at, quoted = [], start, start, False
    while at < stop:
        if escape and text.startswith(escape, at):
            at += len(escape) + 1
        elif quote and text.startswith(quote, at) and (quoted or at == begin):
            quoted = not quoted
            at += len(quote)
            if not quoted and text.startswith(quote, at):  # a doubled one
                quoted = True
                at += len(quote)
        elif not quoted and text.startswith(delimiter, at):
            spans.append((begin, at))
            at = begin = at + len(delimiter)
        else:
            at += 1
    return [*spans, (begin, stop)]


def _text(raw: bytes, form: Delimited) -> tuple[bytes, bool]:
    """A value without its quotes and escapes, and whether it had quotes."""
    quote, escape = ((mark or "").encode() for mark in (form.quote, form.escape))
    quoted = bool(quote) and len(raw) >= 2 * len(quote) and raw.startswith(quote) and raw.endswith(quote)
    if quoted:
        raw = raw[len(quote) : -len(quote)].replace(quote * 2, quote)
    if escape:
        parts, at = [], 0
        while (found := raw.find(escape, at)) >= 0:
            parts += [raw[at:found], raw[found + len(escape) : found + len(escape) + 1]]
            at = found + len(escape) + 1
        raw = b"".join([*parts, raw[at:]])
    return raw, quoted

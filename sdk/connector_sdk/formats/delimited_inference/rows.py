"""The records of a sample's text, cut as the reader will cut them: one that it calls broken is one line here, too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from connector_sdk.formats.delimited.cells import cells
from connector_sdk.formats.delimited.records import Grammar, Segment, count_lines
from connector_sdk.formats.layout import Delimited

__all__ = ["FIRST", "Row", "rows_of"]

FIRST = 500
"""Records that are looked at before all of them are."""
_BLOCK = 1 << 16
"""Bytes that mostly hold so many records; a quote that stays open for longer is none that anybody meant."""


@dataclass(frozen=True)
class Row:
    """A record: its values, the line on which it ends (counted from 1), its text, and whether its quotes are `broken`."""

    cells: list[str]
    line: int
    text: str
    broken: bool = False


def rows_of(text: str, form: Delimited, *, whole: bool, limit: int | None = FIRST) -> list[Row]:
    """The first `limit` records of `text`; the last of them is left out when it may be cut (not `whole`)."""
    data = text.encode("utf-8", "surrogatepass")
    grammar = Grammar(form)
    if limit is not None and len(data) > _BLOCK:
        found = list(islice(_rows(data[:_BLOCK], grammar, final=False), limit))
        if len(found) == limit:
            return found
    if whole or data.endswith((b"\n", b"\r")):
        return list(islice(_rows(data, grammar, final=True), limit))
    segments = grammar.cut(data, final=False)
    if len(data) - (segments[-1].stop if segments else 0) < _BLOCK:
        return list(islice(_cut(data, grammar, segments), limit))
    return list(islice(_rows(data, grammar, final=True), limit))[:-1]


def _rows(data: bytes, grammar: Grammar, *, final: bool) -> Iterator[Row]:
    return _cut(data, grammar, grammar.cut(data, final=final))


def _cut(data: bytes, grammar: Grammar, segments: list[Segment]) -> Iterator[Row]:
    line = counted = 0

    def row(start: int, stop: int, values: list[bytes], *, broken: bool) -> Row:
        nonlocal line, counted
        line += count_lines(data, counted, stop)
        counted = stop
        return Row([_text(value) for value in values], line + 1, _text(data[start:stop]), broken)

    for segment in segments:
        if segment.broken is not None:
            record = data[segment.start : segment.stop].rstrip(b"\r\n")
            yield row(segment.start, segment.start + len(record), record.split(grammar.delimiter), broken=True)
            continue
        bounds = [segment.start, *(place for gap in segment.gaps for place in gap), segment.stop]
        for begin, end in zip(bounds[::2], bounds[1::2], strict=True):
            for start, stop in grammar.split(data[begin:end]):
                if start < stop:
                    values = [value for value, _ in cells(data[begin + start : begin + stop], grammar.marks)]
                    yield row(begin + start, begin + stop, values, broken=False)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")

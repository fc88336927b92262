"""The lines after the last record: the words they are known by, and the record among them that was not to be left out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from connector_sdk.formats.delimited.cells import cells
from connector_sdk.formats.delimited.records import Grammar, Segment, count_lines
from connector_sdk.formats.delimited.rows import Rows
from connector_sdk.formats.delimited.values import is_text

__all__ = ["footer", "is_total"]

_TOTAL = re.compile(
    r"\s*(?P<word>(\d[\d.,]* )?(grand |sub)?-?"
    r"(total|totals|sum|summe|gesamt|gesamtsumme|somme|suma|totale|totaal|итого|count|rows|records|eof|end|ende|fin|trailer))"
    r"\b.{0,60}\Z",
    re.IGNORECASE | re.DOTALL,
)
_TOLD = "it stands where the layout has its footer, and is a record as the others are"


def is_total(word: str, *, alone: bool = False) -> bool:
    """Whether a value says that it is a total or the end; `alone`: in that one word, as no name does."""
    found = _TOTAL.match(word)
    return found is not None and (not alone or not word[found.end("word") :].strip(" :.="))


def footer(text: bytes, start: int, grammar: Grammar, rows: Rows) -> Iterator[Segment]:
    """What `text` has from `start` on, where the lines are that are no records: gaps, and a reject for what is a record.

    A file that came without its footer would else lose its last record. Nothing but types tells one from the other: a record
    has a value in its first field and in one that is no text, and `rows`, of all fields, takes it. A total says what it is.
    """
    at = start
    for segment in grammar.cut(text[start:], final=True):
        if segment.broken is not None or segment.gaps:
            continue
        shift = start + segment.start
        for begin, end in grammar.split(text[shift : start + segment.stop]):
            begin, end = begin + shift, end + shift
            if not _is_record(text[begin:end], grammar, rows):
                continue
            if at < begin:
                yield _gap(text, at, begin)
            at = end
            yield Segment(start=begin, stop=end, lines=count_lines(text, begin, end), broken=_TOLD, code="footer")
    if at < len(text):
        yield _gap(text, at, len(text))


def _gap(text: bytes, start: int, stop: int) -> Segment:
    return Segment(start=start, stop=stop, lines=count_lines(text, start, stop), gaps=((start, stop),))


def _is_record(text: bytes, grammar: Grammar, rows: Rows) -> bool:
    first = next(cells(text, grammar.marks))[0].decode("utf-8", "replace").strip() if text else ""
    if not first or is_total(first):
        return False
    batch, problems = rows.read(memoryview(text))
    typed: list[Any] = [column for column in batch.columns if not is_text(column.type)]
    return batch.num_rows == 1 and not problems and any(column.null_count == 0 for column in typed)

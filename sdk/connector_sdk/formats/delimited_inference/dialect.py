"""Which delimiter, quote and escape a sample's head speaks for, and whether its first record is a header."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from connector_sdk.formats.layout import Delimited

__all__ = ["Dialect", "find_dialect", "find_header"]

# In the order of preference among those that fit: a comma often stands inside numbers and sentences.
_DELIMITERS = ("\t", ";", "|", ",", "\x1f", "\x01", "^", "~", ":")
_RECORDS = 500
_NUMBER = re.compile(r"\s*[+-]?[\d.,'\s%€$£]*\d[\d.,'\s%€$£]*\s*\Z")
_DATE = re.compile(r"\s*\d{1,4}[-/. ](\d{1,2}|[A-Za-z]{3,9})[-/. ]\d{1,4}([T ]\d{1,2}:\d{2}.*)?\s*\Z")


@dataclass(frozen=True)
class Dialect:
    """The form, the records of the head as it reads them, and what a person should look at."""

    form: Delimited
    records: list[list[str]]
    question: str | None = None


def find_dialect(text: str, *, whole: bool) -> Dialect:
    """The dialect of `text`, the start of a file (`whole`: all of it)."""
    quote = _quote(text)
    escape = "\\" if f"\\{quote}" in text and f"{quote}{quote}" not in text else None
    best: tuple[tuple[float, int, int], str, list[list[str]]] | None = None
    fitting: list[tuple[str, int]] = []
    for rank, delimiter in enumerate(_DELIMITERS):
        if delimiter not in text:
            continue
        records = _records(text, delimiter, quote, escape, whole=whole)
        if not records:
            continue
        widths = Counter(len(record) for record in records)
        width, count = max(widths.items(), key=lambda item: (item[1], item[0]))
        share = count / len(records)
        if width < 2 or share < 0.6 or len(records[0]) < 2:
            continue
        if share > 0.95 and len(records) > 1:
            fitting.append((delimiter, width))
        # Nearly all records agree: the more careful delimiter wins; else the one that more records agree on.
        score = (1.0 if share >= 0.95 else share, -rank if share >= 0.95 else width, width)
        if best is None or score > best[0]:
            best = score, delimiter, records
    if best is None:
        return Dialect(Delimited(quote=quote, escape=escape), _records(text, ",", quote, escape, whole=whole))
    _, delimiter, records = best
    others = [f"{other!r} ({width} fields)" for other, width in fitting if other != delimiter and width > 2]
    question = None
    if others and delimiter != ",":
        question = f"read with delimiter {delimiter!r} ({len(records[0])} fields); {', '.join(others)} would fit as well"
    return Dialect(Delimited(delimiter=delimiter, quote=quote, escape=escape), records, question)


def _quote(text: str) -> str:
    double = len(re.findall(r'(?:^|[\t;|,:^~\x1f\x01])"', text, re.MULTILINE))
    single = len(re.findall(r"(?:^|[\t;|,:^~\x1f\x01])'[^'\n]*'(?=$|[\t;|,:^~\x1f\x01\r])", text, re.MULTILINE))
    return "'" if single > 2 and not double else '"'


def _records(text: str, delimiter: str, quote: str, escape: str | None, *, whole: bool) -> list[list[str]]:
    csv.field_size_limit(1 << 24)
    lines = text.splitlines(keepends=True) if "\n" in text else re.split(r"(?<=\r)", text)
    if not whole and len(lines) > 1:
        lines.pop()  # it may be cut
    try:
        reader = csv.reader(lines, delimiter=delimiter, quotechar=quote, escapechar=escape, doublequote=escape is None)
        return [record for record in islice(reader, _RECORDS) if record]
    except csv.Error:
        return []


def find_header(records: Sequence[Sequence[str]]) -> tuple[bool, str | None]:
    """Whether the first record names the fields, and a question when little speaks for either."""
    if not records:
        return True, None
    first, rest = [cell.strip() for cell in records[0]], records[1:]
    if any(cell == "" or _looks_like_data(cell) for cell in first) and not _labelled(first):
        return False, None
    if not rest:
        return True, "there is only one record: it was taken for the header"
    for column, title in enumerate(first):
        values = [record[column].strip() for record in rest if column < len(record) and record[column].strip()]
        if values and not _looks_like_data(title) and sum(map(_looks_like_data, values)) > 0.8 * len(values):
            return True, None
    # All text. A header's words are unlike each other and do not come again below it.
    below = {cell.strip() for record in rest for cell in record}
    repeated = [title for title in first if title in below]
    if len(set(first)) == len(first) and not repeated:
        return True, "every field is text: the first record was taken for the header, since none of its words comes again"
    return False, f"every field is text: there seems to be no header, since {(repeated or first)[0]!r} comes again"


def _looks_like_data(cell: str) -> bool:
    return bool(_NUMBER.match(cell) or _DATE.match(cell))


def _labelled(first: Sequence[str]) -> bool:
    """A header may have an empty cell, or a year as a title, as long as most of it are words."""
    words = sum(1 for cell in first if cell and not _looks_like_data(cell))
    return len(first) > 2 and words >= 0.7 * len(first) and words >= 2
